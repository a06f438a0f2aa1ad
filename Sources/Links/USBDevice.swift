/// One open USB device, seen as sessions need it: control transfers and the interface that carries them.
///
/// Implemented by ``LibUSBDevice`` and, without any USB below it, by the simulator.
public protocol USBDevice: AnyObject, Sendable {
    /// What the device said of itself when it was opened.
    var descriptors: USBDescriptors { get }

    /// Sends `data` (at most ``USBLimits/controlTransfer`` bytes) in the data stage. Returns once the status stage is done.
    func controlOut(_ request: ControlRequest, data: [UInt8], timeout: Duration) async throws(USBError)

    /// Sends `data` as ``controlOut(_:data:timeout:)`` does, and has the host ask `question` right behind it, without coming back between the two.
    /// Where the first fails, the answer says nothing.
    /// - Returns: how each of the two ended.
    func controlOut(
        _ request: ControlRequest, data: [UInt8], then question: ControlRequest, length: Int, timeout: Duration
    ) async -> (sent: Result<Void, USBError>, answer: Result<[UInt8], USBError>)

    /// Receives at most `length` bytes (at most ``USBLimits/controlTransfer``) in the data stage.
    func controlIn(_ request: ControlRequest, length: Int, timeout: Duration) async throws(USBError) -> [UInt8]

    /// Receives as ``controlIn(_:length:timeout:)`` does, request after request, without the host coming back in between.
    /// - Returns: how each ended; those behind one that failed may be missing.
    func controlIn(
        _ requests: [ControlRequest], length: Int, timeout: Duration
    ) async -> [Result<[UInt8], USBError>]

    /// Claims an interface from the kernel and from other programs.
    func claim(interface: UInt8) async throws(USBError)

    /// Selects an alternate setting of a claimed interface.
    func select(alternate: UInt8, of interface: UInt8) async throws(USBError)

    /// Resets the port. A device that changes its descriptors re-enumerates: then this one is gone, which is no error here.
    func reset() async throws(USBError)

    /// Gives up the interfaces and the descriptor. Pending transfers end as cancelled. Calling it twice is harmless.
    func close() async
}

extension USBDevice {
    /// One after the other, for links that have no queue.
    public func controlOut(
        _ request: ControlRequest, data: [UInt8], then question: ControlRequest, length: Int, timeout: Duration
    ) async -> (sent: Result<Void, USBError>, answer: Result<[UInt8], USBError>) {
        do throws(USBError) { try await controlOut(request, data: data, timeout: timeout) } catch {
            return (.failure(error), .failure(error))
        }
        do throws(USBError) {
            return (.success(()), .success(try await controlIn(question, length: length, timeout: timeout)))
        } catch {
            return (.success(()), .failure(error))
        }
    }

    /// One after the other, until one fails.
    public func controlIn(
        _ requests: [ControlRequest], length: Int, timeout: Duration
    ) async -> [Result<[UInt8], USBError>] {
        var results: [Result<[UInt8], USBError>] = []
        for request in requests {
            do throws(USBError) {
                results.append(.success(try await controlIn(request, length: length, timeout: timeout)))
            } catch {
                return results + [.failure(error)]
            }
        }
        return results
    }
}

/// Limits that Linux and libusb set.
public enum USBLimits {
    /// libusb refuses control transfers of more than this on Linux (`MAX_CTRL_BUFFER_LENGTH`), bytes.
    public static let controlTransfer = 4096
}

/// The set-up packet of a control transfer without its length (USB 2.0 §9.3).
public struct ControlRequest: Hashable, Sendable {
    /// bmRequestType.
    public var type: UInt8
    /// bRequest.
    public var request: UInt8
    /// wValue.
    public var value: UInt16
    /// wIndex.
    public var index: UInt16

    public init(type: UInt8, request: UInt8, value: UInt16, index: UInt16) {
        self.type = type
        self.request = request
        self.value = value
        self.index = index
    }
}

/// How a USB operation failed.
public typealias USBError = LinkError<USBErrorCode>

/// Stable text for records.
public enum USBErrorCode: String, Sendable, CaseIterable {
    /// The device is no longer there.
    case gone
    /// The device answered with STALL.
    case stall
    /// The device did not answer within the bound.
    case timeout
    /// The task was cancelled.
    case cancelled
    /// This user may not open the device node.
    case access
    /// Another program holds the interface.
    case busy
    /// The host has no memory for the transfer (`usbfs_memory_mb`).
    case noMemory = "no-memory"
    /// The device's descriptors are not USB's.
    case descriptors
    /// Anything else; the sentence has the cause.
    case io
}
