internal import AsyncHTTPClient
internal import NIOCore

/// The HTTP client of all deliveries.
enum DeliveryHTTP {
    /// A redirect would take a token elsewhere; and who is not there is asked again by whoever delivers.
    static let client: HTTPClient = {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        // An answer that stops in its middle ends, too.
        configuration.timeout = .init(connect: .seconds(10), read: .seconds(60), write: .seconds(60))
        configuration.connectionPool.retryConnectionEstablishment = false
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }()
}
