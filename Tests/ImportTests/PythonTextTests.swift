import Import
import Models
import Testing

/// The Python in published configurations is read, not run.
@Suite struct PythonTextTests {
    @Test(arguments: [
        ("[(127, 63, 1)] +[(512, 10, 5)] + [(512, 3, 2)] * 3 + [(512, 3, 1)] + [(512, 2, 1)] * 2", 8),
        ("[(512, 10, 5)] + [(512, 3, 2)] * 4 + [(512,2,2)] + [(512,2,2)]", 7), ("2*[(1,2,3),(4,5,6),]*3", 12),
        ("([(1, 2, 3)] + [(4, 5, 6)]) * 2", 4), ("[[1, 2, 3], (1_024, 5, 6)]", 2),
    ])
    func `Lists of layers are read`(text: String, count: Int) throws {
        #expect(try PythonText.layers(text).count == count)
    }

    @Test func `Layers keep their order`() throws {
        let layers = try PythonText.layers("([(1, 2, 3)] + [(4, 5, 6)]) * 2")
        #expect(layers.map(\.channels) == [1, 4, 1, 4])
        #expect(layers.map(\.kernel) == [2, 5, 2, 5])
        #expect(layers.map(\.stride) == [3, 6, 3, 6])
    }

    @Test(arguments: [
        "", "[]", "[(1, 2)]", "[(1, 2, 3)] * 65", "[(1,2,3)] * 9999999999999999999999", "[(1,2,3)] ** 2", "[(1,-2,3)]",
        "[(1,2,3)] + exit()", "[(1, 2, 3)", "[(1,2,3)] [(1,2,3)]", "open('x')", "[(99999999999,1,1)]",
        "(((((((((([(1,2,3)]))))))))))",
        "[(1,2,3)]*8*8*8*8*8*8*8*8*8*8*8*8*8*8*8*8*8*8*8*8*8*8", "[(١,2,3)]",
    ])
    func `Anything else is no list of layers`(text: String) {
        #expect(throws: PythonText.Fault.self) { try PythonText.layers(text) }
    }

    @Test func `Lists of labels are read`() throws {
        #expect(try PythonText.texts("['beep', \"it's\", 'a\\'b', ]") == ["beep", "it's", "a'b"])
        #expect(try PythonText.texts("('ü', '')") == ["ü", ""])
        for text in ["['a' 'b']", "['a'", "[a]", "['a\\x41']", "['a'] + x", "'a'"] {
            #expect(throws: PythonText.Fault.self) { try PythonText.texts(text) }
        }
    }
}
