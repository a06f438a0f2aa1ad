internal import AsyncHTTPClient

/// The HTTP client of all deliveries.
enum DeliveryHTTP {
    /// A redirect would take a token elsewhere; and who is not there is asked again by whoever delivers.
    static let client: HTTPClient = {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.connectionPool.retryConnectionEstablishment = false
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }()
}
