import Foundation
import Testing
import Training

@Suite struct ScheduleTests {
    @Test(
        "The cosine schedule agrees with fairseq's",
        arguments: [
            (0, 0.0), (1, 1e-08), (2, 2e-08), (10, 1e-07), (100, 1e-06), (5_000, 5e-05), (9_999, 9.999e-05),
            (10_000, 0.0001), (10_001, 9.999999999823818e-05), (50_000, 9.720746970379534e-05),
            (200_000, 4.87891659165761e-05), (300_000, 1.1987403736289444e-05), (384_229, 1.7618240200079073e-15),
            (384_230, 1e-05),
        ])
    func cosine(updates: Int, expected: Double) {
        var schedule = Recipe.Schedule()
        schedule.usesPreviousUpdate = true
        let rate = LearningRate(schedule, peak: 1e-4)
        #expect(abs(rate.value(after: updates) - expected) <= 1e-12 * expected + 1e-19)
    }

    @Test func `Warm-up starts at the initial rate and the cosine ends at the final one`() {
        var schedule = Recipe.Schedule()
        (schedule.totalUpdates, schedule.warmupUpdates) = (30_000, 2_000)
        (schedule.initialLearningRate, schedule.finalLearningRate) = (1e-10, 5e-6)
        schedule.usesPreviousUpdate = true
        let rate = LearningRate(schedule, peak: 3e-5)
        #expect(rate.value(after: 0) == 1e-10)
        #expect(abs(rate.value(after: 1_000) - (1e-10 + (3e-5 - 1e-10) / 2)) < 1e-18)
        #expect(rate.value(after: 2_000) == 3e-5)
        #expect(abs(rate.value(after: 16_000) - 17.5e-6) < 1e-15)
        #expect(abs(rate.value(after: 29_999) - 5e-6) < 1e-12)
    }

    @Test func `Constant and tri-stage schedules have their stages`() {
        var schedule = Recipe.Schedule()
        (schedule.kind, schedule.totalUpdates, schedule.warmupUpdates, schedule.holdUpdates) = (.triStage, 100, 10, 40)
        (schedule.finalLearningRate, schedule.usesPreviousUpdate) = (0.01, true)
        let rate = LearningRate(schedule, peak: 1)
        #expect(rate.value(after: 5) == 0.5)
        #expect(rate.value(after: 10) == 1)
        #expect(rate.value(after: 50) == 1)
        #expect(abs(rate.value(after: 75) - 0.1) < 1e-12)
        #expect(rate.value(after: 100) == 0.01)
        #expect(rate.value(after: 1_000) == 0.01)
        schedule.kind = .constant
        #expect(LearningRate(schedule, peak: 1).value(after: 99) == 1)
    }

    @Test(
        "The teacher's decay agrees with fairseq's",
        arguments: [
            (0, 0.9997), (1, 0.999700001), (10, 0.9997000100000001), (1_000, 0.9997010000000001), (150_000, 0.99985),
            (299_999, 0.999999999), (300_000, 1.0), (384_230, 1.0),
        ])
    func teacher(updates: Int, expected: Double) {
        #expect(abs(Ramp(Recipe.Teacher()).value(after: updates) - expected) < 1e-15)
    }

    @Test func `A cosine ramp is slow at both ends, and none is constant`() {
        let ramp = Ramp(.cosine, from: 0.04, to: 0.4, updates: 100)
        #expect(abs(ramp.value(after: 0) - 0.04) < 1e-15)
        #expect(abs(ramp.value(after: 50) - 0.22) < 1e-15)
        #expect(ramp.value(after: 100) == 0.4)
        #expect(ramp.value(after: 1) - 0.04 < 0.36 / 1_000)
        var optimizer = Recipe.Optimizer()
        #expect(Ramp(weightDecayOf: optimizer, totalUpdates: 10).value(after: 5) == 0.01)
        optimizer.finalWeightDecay = 0.4
        #expect(Ramp(weightDecayOf: optimizer, totalUpdates: 10).value(after: 10) == 0.4)
        #expect(Ramp(.linear, from: 1, to: 2, updates: 0).value(after: 0) == 2)
    }
}
