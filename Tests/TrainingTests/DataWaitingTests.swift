import Testing
import Training

@Suite struct DataWaitingTests {
    @Test func `The time that training waits for data is told in words, with a remedy where it costs`() {
        var waiting = DataWaiting()
        #expect(waiting.summary == nil, "nothing trained, nothing to say")
        waiting.add(waitingSeconds: 0.02, seconds: 5)
        #expect(waiting.note == "waiting for data less than 1 %")
        #expect(waiting.summary == "waited for data less than 1 % of the time (0.0 s of 5.0 s)")
        waiting.add(waitingSeconds: 14.98, seconds: 45)
        #expect(waiting.note == "waiting for data 30 %")
        #expect(
            waiting.summary
                == "waited for data 30 % of the time (15 s of 50 s); more decoding threads (data.decoderThreads) may help"
        )
    }
}
