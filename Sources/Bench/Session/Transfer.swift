internal import BenchModel
internal import Crypto
internal import Journal
internal import Logging
internal import Protocols

/// Writing a component, and reading one back.
extension FlashSession {
    /// How often a component's transfer is begun when what went wrong may pass.
    static let transferAttempts = 3
    /// How often a component is read when what went wrong may pass.
    static let readAttempts = 2

    /// Writes one component and activates it. What may pass is tried again, from the component's first byte. `isOnly`: whether it is the whole
    /// target, so that the version that the unit comes back with is its own. `loader` is another conversation afterwards where the unit had to be met again.
    /// - Returns: whether the unit is still in DFU mode, ready to be read.
    func write(
        _ component: TargetComponent, isOnly: Bool, _ loader: inout DFUClient, _ unit: Unit
    ) async throws(SessionEnd) -> Bool {
        for attempt in 1...Self.transferAttempts {
            let transfer = JournalEvent.Transfer(
                component: component.name, lengthBytes: component.content.count, attempt: attempt)
            try await mark(.transferStarted(transfer))
            let failure: DFUError
            do throws(DFUError) {
                try await send(component, loader, attempt)
                try await marked(.transferFinished(transfer))
                step(.activating)
                let isTolerant = try await loader.manifest(bound: bench.profile.bounds.activate)
                try await marked(.activated)
                return isTolerant
            } catch {
                guard error.isTransient else { throw SessionEnd(error, during: .transferring, otherwise: .transferFailed) }
                failure = error
            }
            bench.journal.logger.notice(
                "transfer failed", metadata: ["slot": "\(bench.slot)", "attempt": "\(attempt)", "error": "\(failure)"])
            do throws(SessionEnd) { guard try await isIdle(loader) else { return false } } catch {
                guard attempt < Self.transferAttempts, error.isSilence else { throw error }
                loader = try await wakened(unit, after: error)
            }
            if attempt == Self.transferAttempts { try await expectWritten(component, isOnly: isOnly, loader, after: failure) }
        }
        return true
    }

    /// After the last attempt has failed: what failed may have been an answer alone, so the flash is asked.
    /// - Throws: the end of the session, unless the flash holds the component and the restart will show whether the unit has taken it over.
    private func expectWritten(
        _ component: TargetComponent, isOnly: Bool, _ loader: DFUClient, after failure: DFUError
    ) async throws(SessionEnd) {
        let detail = "\(Self.transferAttempts) attempts, the last: \(failure)"
        let content: Content
        var isHosts = failure.isHosts
        do throws(SessionEnd) { content = try await read(component, loader) } catch {
            if error == .benchStopped || error.reason == .contactLost { throw error }
            isHosts = isHosts || error.isHosts
            content = .unreadable
        }
        switch content {
        case .hash(component.hash):
            guard isOnly, bench.profile.restarts, bench.profile.version != .absent else {
                throw SessionEnd(
                    .unknown, .unproven, "\(detail); the flash holds the component, and nothing shows whether the unit has taken it over")
            }
        case .hash: throw SessionEnd(.failed, .transferFailed, detail)
        case .shorter, .unreadable:
            guard failure.isUnitsWord else { throw SessionEnd(.unknown, .noAnswer, detail, isHosts: isHosts) }
            throw SessionEnd(.failed, .transferFailed, detail)
        }
    }

    /// Reads a component back and compares it.
    /// - Throws: the end of the session where the flash holds something else.
    func verify(_ component: TargetComponent, _ loader: inout DFUClient, _ unit: Unit) async throws(SessionEnd) {
        switch try await read(component, &loader, unit) {
        case .unreadable: return
        case .shorter(let error): throw SessionEnd(error, during: .readingBack, otherwise: .unproven)
        case .hash(let found):
            guard found == component.hash else {
                throw SessionEnd(
                    .failed, .readbackMismatch, "\(component.name): expected \(component.hash), found \(found) in the flash")
            }
        }
    }

    /// Whether every component reads back as the target's; `nil` where the unit can't be read, or ends its upload early: that may be a flash
    /// that holds less, and proves nothing.
    func holds(_ target: Target, _ loader: inout DFUClient, _ unit: Unit) async throws(SessionEnd) -> Bool? {
        for component in target.components {
            switch try await read(component, &loader, unit) {
            case .unreadable, .shorter: return nil
            case .hash(let found): if found != component.hash { return false }
            }
        }
        return true
    }

    /// What reading a component back came to.
    private enum Content {
        /// SHA-256 of exactly the component's length.
        case hash(SHA256Value)
        /// The unit ended the upload earlier, each time: its flash holds less.
        case shorter(DFUError)
        /// The unit does not let itself be read.
        case unreadable
    }

    /// Where a first attempt failed, nothing is queued any more: the unit may not be able to take that.
    private func send(_ component: TargetComponent, _ loader: DFUClient, _ attempt: Int) async throws(DFUError) {
        let total = component.content.count
        bench.recorder.expects(component.content)
        try await loader.select(alternate: place(of: component))
        step(.transferring, StepProgress(component: component.name, doneBytes: 0, totalBytes: total))
        willWrite(component.name)
        try await loader.download(component.content, queueing: attempt == 1) { done in
            step(.transferring, StepProgress(component: component.name, doneBytes: done, totalBytes: total))
        }
    }

    /// Reads a component, and once more where the unit fell silent over it and a remedy has woken it; `loader` is another conversation then.
    private func read(
        _ component: TargetComponent, _ loader: inout DFUClient, _ unit: Unit
    ) async throws(SessionEnd) -> Content {
        do throws(SessionEnd) { return try await read(component, loader) } catch {
            guard error.isSilence else { throw error }
            do throws(SessionEnd) { loader = try await wakened(unit, after: error) } catch let unwoken {
                // That it does not enter its bootloader any more says nothing about what it holds.
                throw unwoken.outcome == .failed ? error : unwoken
            }
            return try await read(component, loader)
        }
    }

    /// Met again after a remedy, a unit is a bootloader in which nothing was begun.
    private func wakened(_ unit: Unit, after silence: SessionEnd) async throws(SessionEnd) -> DFUClient {
        try await remedied(unit, after: silence) { () async throws(SessionEnd) in try await enterBootloader(expecting: unit) }
    }

    private func read(_ component: TargetComponent, _ loader: DFUClient) async throws(SessionEnd) -> Content {
        guard loader.interface.functional.attributes.contains(.canUpload) else { return .unreadable }
        var attempt = 1
        while true {
            do throws(DFUError) {
                let value = try await readOnce(component, loader, attempt)
                found(value, in: component.name)
                try await marked(.readback(.init(component: component.name, expected: component.hash, found: value)))
                return .hash(value)
            } catch {
                guard error.isTransient, attempt < Self.readAttempts else {
                    if case .shortUpload = error { return .shorter(error) }
                    throw SessionEnd(error, during: .readingBack, otherwise: .unproven)
                }
                attempt += 1
            }
        }
    }

    private func readOnce(_ component: TargetComponent, _ loader: DFUClient, _ attempt: Int) async throws(DFUError) -> SHA256Value {
        let total = component.content.count
        var hash = SHA256()
        var done = 0
        bench.recorder.expects(component.content)
        try await loader.select(alternate: place(of: component))
        step(.readingBack, StepProgress(component: component.name, doneBytes: 0, totalBytes: total))
        try await loader.upload(length: total, depth: attempt == 1 ? DFUClient.uploadDepth : 1) { block in
            hash.update(data: block)
            done += block.count
            step(.readingBack, StepProgress(component: component.name, doneBytes: done, totalBytes: total))
        }
        guard let value = SHA256Value(bytes: hash.finalize()) else { preconditionFailure("SHA-256 has 32 bytes") }
        return value
    }

    /// Brings a unit that lost its place back to where a transfer can begin.
    /// - Returns: `false` where it has manifested the image after all and waits for its reset.
    private func isIdle(_ loader: DFUClient) async throws(SessionEnd) -> Bool {
        do throws(DFUError) {
            try await loader.toIdle()
            return true
        } catch {
            if case .unexpectedState(.dfuMANIFESTWAITRESET, _) = error { return false }
            throw SessionEnd(error, during: .transferring, otherwise: .transferFailed)
        }
    }

    private func place(of component: TargetComponent) -> UInt8 { bench.profile.components[component.name] ?? 0 }

    /// A mark within the conversation.
    private func marked(_ event: JournalEvent) async throws(DFUError) {
        do throws(SessionEnd) { try await mark(event) } catch { throw .cancelled }
    }
}
