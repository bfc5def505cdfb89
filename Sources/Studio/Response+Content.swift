// Answers: JSON, bytes, text.
import Foundation
import Hummingbird

extension Response {
    /// JSON of a value.
    static func json(_ value: some Encodable, _ status: HTTPResponse.Status = .ok) -> Response {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        // Texts and numbers can always be written.
        let data = (try? encoder.encode(value)) ?? Data("{}".utf8)
        return bytes(data, "application/json; charset=utf-8", status)
    }

    /// Plain text.
    static func text(_ text: String, _ status: HTTPResponse.Status = .ok) -> Response {
        bytes(Data(text.utf8), "text/plain; charset=utf-8", status)
    }

    /// Bytes of a type.
    static func bytes(_ data: Data, _ type: String, _ status: HTTPResponse.Status = .ok, cache: String? = nil)
        -> Response
    {
        var headers: HTTPFields = [.contentType: type]
        if let cache { headers[.cacheControl] = cache }
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: data)))
    }
}

extension Request {
    /// The body as a value. Throws `StudioError` for what cannot be understood, 413 for what is too long.
    func json<Value: Decodable>(_ type: Value.Type = Value.self, upTo limit: Int = 65_536) async throws -> Value {
        if let length = headers[.contentLength].flatMap({ Int($0) }), length > limit {
            throw HTTPError(.contentTooLarge, message: "at most \(limit) bytes are read")
        }
        let buffer = try await body.collect(upTo: limit)
        do {
            return try JSONDecoder().decode(Value.self, from: Data(buffer.readableBytesView))
        } catch {
            throw StudioError("The request cannot be understood: \(error)")
        }
    }

    /// A finite number of the address after `?`.
    func number(_ name: String) throws -> Double? {
        guard let text = uri.queryParameters[Substring(name)] else { return nil }
        guard let value = Double(text), value.isFinite else {
            throw StudioError("\(name)=\(text) is no number")
        }
        return value
    }
}
