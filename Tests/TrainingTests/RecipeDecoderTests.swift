import Foundation
import Inference
import Neural
import TestSupport
import Testing
import Training

private struct Sample: Codable, Hashable, Sendable {
    enum Color: String, Codable, CaseIterable { case red, off }
    struct Layer: Codable, Hashable {
        var size = 1
        var stride: Int?
    }
    struct Inner: Codable, Hashable {
        var depth = 12
        var rate = 1e-6
        var color = Color.red
        var limit: Double?
        var isWide = false
    }
    struct Empty: Codable, Hashable {}

    var seed: UInt64 = .max
    var name = "a"
    var inner = Inner()
    var layers = [Layer(size: 10), Layer(size: 3, stride: 2)]
    var weights = ["a": 1.0]
    var names = ["007", "no"]
    var extra: Inner?
    var empty = Empty()
    var gain: Float = 0.5
}

@Suite struct RecipeDecoderTests {
    private func decode(_ yaml: String = "", _ overrides: String...) throws(RecipeError) -> Sample {
        try RecipeDecoder.decode(
            defaults: Sample(), layers: [.text(yaml, name: "r.yaml")], overrides: overrides)
    }

    private func fault(_ yaml: String = "", _ overrides: String...) -> String {
        do throws(RecipeError) {
            let value = try RecipeDecoder.decode(
                defaults: Sample(), layers: [.text(yaml, name: "r.yaml")], overrides: overrides)
            return "no error, but \(value)"
        } catch let error {
            return error.description
        }
    }

    @Test func `Without layers the defaults come out`() throws {
        #expect(try decode() == Sample())
        #expect(try decode("# nothing\n") == Sample())
        #expect(try decode("inner:\n  # depth: 3\n") == Sample())
    }

    @Test func `Later layers win, groups are merged and lists replaced`() throws {
        let value = try RecipeDecoder.decode(
            defaults: Sample(),
            layers: [
                .text("inner: {depth: 3, color: off}\nlayers: [{size: 7, stride: null}]", name: "a"),
                .text("inner:\n  depth: 4\nweights: {b: 2}", name: "b"),
            ], overrides: ["inner.rate=1e-3", "name=x y", "inner.limit = 2", "seed=18446744073709551615"])
        var expected = Sample()
        expected.inner = Sample.Inner(depth: 4, rate: 1e-3, color: .off, limit: 2)
        expected.layers = [Sample.Layer(size: 7)]
        expected.weights = ["a": 1, "b": 2]
        expected.name = "x y"
        #expect(value == expected)
    }

    @Test func `A scalar is what its type says, not what it looks like`() throws {
        let value = try decode("name: 012\nnames: [1e3, yes, 'null', \"~\"]\ninner: {rate: 1, depth: 1_0}\nseed: 4e5")
        #expect(value.name == "012")
        #expect(value.names == ["1e3", "yes", "null", "~"])
        #expect(value.inner.rate == 1)
        #expect(value.inner.depth == 10)
        #expect(value.seed == 400_000)
    }

    @Test func `Optional groups can be set, and optional values taken away`() throws {
        let value = try decode("extra: {depth: 1, rate: 2, color: red, limit: null, isWide: true}")
        #expect(value.extra == Sample.Inner(depth: 1, rate: 2, isWide: true))
        var defaults = Sample()
        defaults.inner.limit = 3
        #expect(try RecipeDecoder.decode(defaults: defaults, overrides: ["inner.limit=null"]).inner.limit == nil)
        #expect(try RecipeDecoder.decode(defaults: defaults, overrides: ["inner.limit="]).inner.limit == nil)
    }

    @Test(
        "An unknown key is refused with its path, its place and near ones",
        arguments: [
            ("inner:\n  dept: 1", "r.yaml line 2: unknown key inner.dept; did you mean inner.depth?"),
            ("inner:\n  dpeth: 1", "r.yaml line 2: unknown key inner.dpeth; did you mean inner.depth?"),
            ("depth: 1", "r.yaml line 1: unknown key depth; did you mean inner.depth?"),
            ("inner: {is_wide: true}", "unknown key inner.is_wide; did you mean inner.isWide?"),
            ("zzz: 1", "unknown key zzz; known here: seed, name, inner"),
            ("layers: [{size: 1, strid: 2}]", "unknown key layers[0].strid; did you mean layers[0].stride?"),
            (
                "extra: {depth: 1, rate: 2, color: red, isWide: true, dept: 1}",
                "unknown key extra.dept; did you mean extra.depth?"
            ),
            ("empty: {a: 1}", "unknown key empty.a"),
        ])
    func unknownKey(yaml: String, expected: String) {
        #expect(fault(yaml).contains(expected), "\(fault(yaml))")
    }

    @Test func `All unknown keys are named at once, overrides too`() {
        let text = fault("a: 1\nb: 2", "inner.dpth=3")
        #expect(text.split(separator: "\n").count == 3)
        #expect(text.contains("command line: unknown key inner.dpth; did you mean inner.depth?"))
    }

    @Test(
        "A wrong value is refused with its path, its place and what is expected",
        arguments: [
            ("inner: {depth: ten}", "r.yaml line 1: inner.depth: a whole number from"),
            ("inner: {depth: 1.5}", "inner.depth: a whole number from"),
            ("inner: {depth: [1]}", "inner.depth: a whole number is expected, found a list of 1"),
            ("inner: {depth: null}", "inner.depth: a whole number is expected, found nothing"),
            ("inner: {rate: fast}", "inner.rate: a number is expected, found \"fast\""),
            ("inner: {rate: nan}", "inner.rate: a number is expected"),
            ("inner: {rate: 0x10}", "inner.rate: a number is expected"),
            ("inner: {isWide: yes}", "inner.isWide: true or false is expected, found \"yes\""),
            ("inner: {color: blue}", "inner.color: one of red, off is expected, found \"blue\""),
            ("inner: 3", "inner: is a group of settings (depth, rate, color, limit, isWide), found \"3\""),
            ("name: {a: 1}", "name: is a single setting, found a group of settings"),
            ("names: a", "names: a list is expected, found \"a\""),
            ("names: [a, {b: 1}]", "names[1]: a text is expected"),
            ("layers: [{stride: 1}]", "layers[0].size: is missing"),
            ("seed: -1", "seed: a whole number from 0 to 18446744073709551615"),
            ("weights: {b: x}", "weights.b: a number is expected"),
            ("inner: {depth: 1, depth: 2}", "r.yaml: is no sound YAML"),
            ("a: [", "r.yaml: is no sound YAML"),
            ("[1, 2]", "r.yaml: settings (key: value) are expected, found a list of 2"),
        ])
    func wrongValue(yaml: String, expected: String) {
        #expect(fault(yaml).contains(expected), "\(fault(yaml))")
    }

    @Test func `An override must be of the form key=value`() {
        for override in ["seed", "=3", "inner..depth=3"] {
            #expect(fault("", override).contains("\"\(override)\" is not of the form key=value"))
        }
    }

    @Test func `A missing file is named`() {
        let error = #expect(throws: RecipeError.self) {
            try RecipeDecoder.decode(defaults: Sample(), layers: [.file(URL(filePath: "/nonexistent/x.yaml"))])
        }
        #expect(error?.description.contains("/nonexistent/x.yaml: cannot be read") == true)
    }

    @Test func `A recipe is found by its path or its name, and a wrong name is answered with the right ones`() throws {
        try withTemporaryFolder { folder in
            for name in ["tiny", "base"] {
                try Data("seed: 7".utf8).write(to: folder.appending(path: "\(name).yaml"))
            }
            let path = folder.appending(path: "tiny.yaml").path
            let (named, direct) = (try RecipeLayer.find("tiny", in: folder), try RecipeLayer.find(path, in: folder))
            #expect(try RecipeDecoder.decode(defaults: Sample(), layers: [named]).seed == 7)
            #expect(try RecipeDecoder.decode(defaults: Sample(), layers: [direct]).seed == 7)
            let error = #expect(throws: RecipeError.self) { try RecipeLayer.find("tinny", in: folder) }
            #expect(error?.description.contains("\"tinny\"; take the path of a YAML file or one of base, tiny") == true)
        }
    }

    @Test func `A text that unfolds to millions of values is refused`() {
        var yaml = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...8 {
            yaml += "a\(level): &a\(level) [\(Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", "))]\n"
        }
        #expect(fault(yaml).contains("no configuration is so large"))
        #expect(
            fault(String(repeating: "[", count: 500) + String(repeating: "]", count: 500)).contains(
                "no configuration is so large"))
    }

    @Test func `The YAML of a configuration is complete and reads back to the same`() throws {
        var value = Sample()
        value.name = "tab\t\"quote\" é: # \n"
        value.names = ["1", "true", "", "-", "a b", "null", "x/y.z"]
        value.inner.rate = 1.5e-12
        value.extra = Sample.Inner()
        let yaml = try RecipeDecoder.yaml(value)
        #expect(try RecipeDecoder.decode(defaults: Sample(), layers: [.text(yaml, name: "y")]) == value)
        #expect(
            try RecipeDecoder.yaml(Sample()) == """
                seed: 18446744073709551615
                name: a
                inner:
                  depth: 12
                  rate: 1.0e-06
                  color: red
                  limit: null
                  isWide: false
                layers: [{size: 10, stride: null}, {size: 3, stride: 2}]
                weights:
                  a: 1.0
                names: ["007", "no"]
                extra: null
                empty: {}
                gain: 0.5

                """)
    }

    @Test func `A key can be looked up before anything else is decoded`() throws {
        let layers = [RecipeLayer.text("method: dino\nunknown: 1", name: "a"), .text("seed: 1", name: "b")]
        #expect(try RecipeDecoder.text(at: "method", layers: layers) == "dino")
        #expect(try RecipeDecoder.text(at: "method", layers: layers, overrides: ["method=animal2vec"]) == "animal2vec")
        #expect(try RecipeDecoder.text(at: "model.kind", layers: layers) == nil)
    }

    @Test func `Differences and fingerprints tell configurations apart`() throws {
        var other = Sample()
        other.inner.depth = 3
        other.weights = ["b": 1]
        #expect(
            try RecipeDecoder.differences(from: Sample(), to: other) == [
                "inner.depth: 12 → 3", "weights.b: unset → 1.0", "weights.a: 1.0 → unset",
            ])
        #expect(try RecipeDecoder.differences(from: other, to: other) == [])
        #expect(try RecipeDecoder.fingerprint(Sample()) == RecipeDecoder.fingerprint(Sample()))
        #expect(try RecipeDecoder.fingerprint(Sample()) != RecipeDecoder.fingerprint(other))
    }
}

@Suite struct RecipeTests {
    private struct Network: PretrainingModel {
        typealias Collapse = Recipe.CollapseGuard
        var depth = 2
    }

    @Test func `A pretraining recipe keeps its defaults, takes layers and reads its own YAML back`() throws {
        let defaults = PretrainingRecipe(method: .animal2vec, model: Network())
        let recipe = try defaults.under(
            [.text("model: {depth: 4}\nprecision: {compute: bf16}", name: "tiny.yaml")],
            overrides: ["schedule.totalUpdates=20000", "batch.clips=8", "optimizer.largestGradientNorm=null"])
        #expect(recipe.model.depth == 4)
        #expect(recipe.precision.compute == .bf16)
        #expect(recipe.schedule.totalUpdates == 20_000)
        #expect(recipe.batch.clipsPerUpdate == 160)
        #expect(recipe.optimizer.largestGradientNorm == nil)
        #expect(recipe.optimizer.beta2 == 0.98)
        let yaml = try RecipeDecoder.yaml(recipe)
        #expect(try defaults.under([.text(yaml, name: "resolved")]) == recipe)
    }

    @Test func `A fine-tuning recipe starts from the published values`() throws {
        let recipe = try FineTuningRecipe(model: Network()).under([])
        #expect(recipe.batch.clipsPerUpdate == 180)
        #expect(recipe.optimizer.learningRate == 3e-5)
        #expect(recipe.optimizer.weightDecay == 0)
        #expect(recipe.schedule.finalLearningRate == 5e-6)
        #expect(recipe.freeze.encoderUpdates == 10_000)
    }

    @Test(
        "Values that no run can work with are refused",
        arguments: [
            "optimizer.learningRate=0", "optimizer.beta1=1", "optimizer.weightDecay=-1", "batch.clips=0",
            "checkpoint.keepLast=1", "schedule.warmupUpdates=400000", "teacher.initialDecay=1.1",
            "data.sampleRateHz=10",
            "data.windowSeconds=0", "log.everyUpdates=0", "recovery.nonFiniteLimit=0", "checkpoint.keepEvery=0",
        ])
    func refused(override: String) throws {
        let error = #expect(throws: RecipeError.self) {
            try PretrainingRecipe(method: .animal2vec, model: Network()).under([], overrides: [override])
        }
        let path = try #require(override.split(separator: "=").first?.split(separator: ".").first)
        #expect(error?.description.hasPrefix(path) == true)
    }
}
