/// Whether a model keeps the habits of a published program that are better otherwise.
///
/// | animal2vec 1.0 | otherwise |
/// |---|---|
/// | the half window of the sinc filters lies at K/2 points spread evenly from 0 to K/2 − 1, none of them whole | a Hamming window that is 1 in the middle |
/// | a clip is scaled by a layer norm whose variance is enlarged by 1e-5 | to unit variance, however faint it is |
/// | labels of frame k are those at sample k · stride; predicted times of n frames are spread over the duration, both ends included | both belong to the middle of what the frame sees |
/// | all parameters decay, although the code means to spare vectors | vectors, biases, ALiBi scales and PSwish are spared |
/// | update t uses the learning rate of update t − 1, the first one 0; a cosine begins anew at its end | each update uses its own |
/// | the gain `naive_rms` is an amplitude that is used as decibels | it is in decibels |
/// | A-weighting takes the frequencies of a window from whole hertz | from the window |
public enum Compatibility: String, Codable, Sendable, CaseIterable {
    /// None.
    case none
    /// Those of animal2vec 1.0: for its weights, and to repeat its numbers.
    case animal2vec1 = "animal2vec-1.0"
}
