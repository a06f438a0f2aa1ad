import Dispatch

extension DispatchQueue {
    /// A serial queue on the process's common threads.
    ///
    /// One made without a target gets a thread whenever it has work, however many others have: as many threads as units.
    /// With a target it waits for one of about as many threads as there are processors; libdispatch adds threads only while
    /// those are blocked.
    convenience init(pooled label: String) {
        self.init(label: label, target: .global())
    }
}
