// What the classifier thinks of every sound.

/// The likeliest label of every sound and how sure it is.
public struct Predictions: Sendable {
    /// The place in `classes` of the likeliest label of each sound.
    public private(set) var best: [UInt16]
    /// Its probability.
    public private(set) var probability: [Float]
    /// By how much it exceeds the second.
    public private(set) var margin: [Float]
    /// The mean of 1 / (labelled sounds of the class + 1): high where few labels are known.
    public private(set) var rarity: [Float]
    /// The label numbers that take part.
    public let classes: [Int]
    /// How many sounds without a label are expected of each class: the sum of probabilities.
    public private(set) var expected: [Double]
    /// Labelled sounds of each class.
    public var labelled: [Int] = []
    /// Macro-F1 on labelled sounds that were held out in turn; nil for too few.
    public var macroF1: Double?
    /// Steps that the fit took.
    public var steps = 0

    init(count: Int, classes: [Int]) {
        best = [UInt16](repeating: 0, count: count)
        probability = [Float](repeating: 0, count: count)
        margin = [Float](repeating: 0, count: count)
        rarity = [Float](repeating: 0, count: count)
        expected = [Double](repeating: 0, count: classes.count)
        self.classes = classes
    }

    /// Takes the probabilities of one sound. `isOpen` says that it has no label yet.
    mutating func take(_ row: Int, _ p: UnsafeBufferPointer<Float>, rarity: Float, isOpen: Bool) {
        var first = 0
        var second: Float = 0
        for index in 1..<p.count {
            if p[index] > p[first] {
                second = p[first]
                first = index
            } else if p[index] > second {
                second = p[index]
            }
        }
        best[row] = UInt16(first)
        probability[row] = p[first]
        margin[row] = p[first] - second
        self.rarity[row] = rarity
        if isOpen { for index in 0..<p.count { expected[index] += Double(p[index]) } }
    }
}
