internal import BenchModel
internal import Journal
internal import Protocols

/// An image that was uploaded, on its way to stay: chosen for a trial, tried, confirmed.
extension FlashSession {
    /// Tells the bootloader which image to try at the next boot.
    func activate(_ target: Target, for unit: Unit, _ settings: SMPSettings) async throws(SessionEnd) {
        guard settings.activation == .swap else { return }
        step(.activating)
        for component in target.components { try await activate(component, for: unit, settings) }
        try await mark(.activated)
        // A remedy may have started it already: another restart would end the trial.
        if isRunning(target) { _ = try await keep(target, settings) }
    }

    /// What may pass is tried again, once the unit has said what it made of the order before.
    private func activate(_ component: TargetComponent, for unit: Unit, _ settings: SMPSettings) async throws(SessionEnd) {
        for attempt in 1...Self.transferAttempts where !isWaiting(component) && !isActive(component) {
            let failure: SMPError
            do throws(SMPError) {
                imageState = try await client().request(ImageGroup.WriteState(hash: component.bootImage?.hash, confirm: false))
                return
            } catch {
                failure = error
            }
            let end = SessionEnd(failure, during: .activating, otherwise: .transferFailed)
            guard failure.isTransient, attempt < Self.transferAttempts, try await isThere(unit, in: .runtime, settings, because: end) else {
                throw end
            }
        }
    }

    /// Makes what runs stay, where the next boot would go back.
    /// - Returns: whether it would have stayed by itself.
    func keep(_ target: Target, _ settings: SMPSettings) async throws(SessionEnd) -> Bool {
        guard settings.activation == .swap else { return true }
        func unconfirmed() -> [TargetComponent] {
            // Zephyr may leave out what is false.
            target.components.filter { imageState?.active(image: image(of: $0)).map { $0.confirmed != true } ?? false }
        }
        let first = unconfirmed()
        guard !first.isEmpty else { return true }
        willWrite(first[0].name)
        for component in first {
            let confirm = ImageGroup.WriteState(hash: component.bootImage?.hash, confirm: true)
            _ = try await ask(confirm, during: .activating, otherwise: .notConfirmed)
        }
        do throws(SessionEnd) { imageState = try await ask(ImageGroup.ReadState(), during: .activating) } catch {
            throw error.unknownIfFailed(.noAnswer)
        }
        guard unconfirmed().isEmpty else {
            throw SessionEnd(.failed, .notConfirmed, "it was told to keep the image and says that it will not")
        }
        try await mark(.imageConfirmed)
        return false
    }

    /// Whether what runs is on trial: the next boot goes back to the other slot.
    var isTrial: Bool { imageState?.slots.contains { $0.active == true && $0.confirmed != true } ?? false }

    /// Brings a unit on trial with another image, or about to try one, to rest: while a swap is open no image can be uploaded.
    /// - Returns: whether it was restarted.
    func leaveTrial(_ unit: Unit, _ target: Target, _ settings: SMPSettings) async throws(SessionEnd) -> Bool {
        guard settings.activation == .swap else { return false }
        var wasRestarted = false
        for _ in 1...2 {
            let isPendingOther = imageState?.slots.contains { slot in
                slot.pending == true && !target.components.contains { $0.bootImage?.hash == slot.hash }
            }
            guard isTrial || isPendingOther == true else { return wasRestarted }
            step(.rebooting)
            _ = try await restart(expecting: unit, settings) { !self.isTrial }
            wasRestarted = true
        }
        return wasRestarted
    }
}
