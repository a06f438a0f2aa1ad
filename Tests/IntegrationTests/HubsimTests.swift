import Foundation
import Testing

@Suite(.timeLimit(.minutes(2)), .serialized) struct HubsimTests {
    private func run(_ bench: SimulatedBench, _ command: String...) async throws -> Programs.Result {
        // A PATH of its own: one with folders that this user may not enter makes exec say so instead of "not found".
        try await Programs.run(
            "hubsim", ["run", "--dock", bench.dock, "--socket", bench.controlSocket, "--"] + command, environment: ["PATH": "/usr/bin:/bin"]
        )
    }

    @Test func `the command's exit status, output and signals pass through`() async throws {
        try await withFolder { folder in
            let bench = try await SimulatedBench(folder, units: 1)
            let status = try await run(bench, "sh", "-c", "echo out; echo err >&2; exit 42")
            #expect(status.status == 42)
            #expect(status.output == "out\n")
            #expect(status.errors == "err\n")
            #expect(try await run(bench, "sh", "-c", "kill -USR1 $$").status == 128 + SIGUSR1)
            let missing = try await run(bench, "no-such-command")
            #expect(missing.status == 127)
            #expect(missing.errors == "no-such-command: No such file or directory\n")
        }
    }

    @Test func `a signal to hubsim reaches the command`() async throws {
        try await withFolder { folder in
            let bench = try await SimulatedBench(folder, units: 1)
            try await bench.run([
                "sh", "-c",
                "trap 'echo caught > \(folder)/caught; exit 7' TERM; touch \(folder)/up; while :; do read -t 1 x < /dev/zero || :; done",
            ]) {
                program in
                try await appears("\(folder)/up")
                program.signal(SIGTERM)
                #expect(await program.ended == 7)
                #expect(FileManager.default.fileExists(atPath: "\(folder)/caught"))
            }
        }
    }

    @Test func `nothing stays behind, also when hubsim is killed`() async throws {
        try await withFolder { folder in
            let bench = try await SimulatedBench(folder, units: 1)
            let mounts = try String(contentsOfFile: "/proc/mounts", encoding: .utf8)
            // The command would not listen to a SIGTERM.
            let command = "trap '' TERM; touch \(folder)/up; while :; do tail -f /dev/null \(folder)/marker; done"
            try await bench.run(["sh", "-c", command]) { program in
                try await appears("\(folder)/up")
                program.signal(SIGKILL)
                #expect(await program.ended == 128 + SIGKILL)
                try await vanishes("\(folder)/marker")
                try await gone(bench.controlSocket)
                #expect(try String(contentsOfFile: "/proc/mounts", encoding: .utf8) == mounts)
            }
        }
    }

    @Test func `a program inside has terminals of its own`() async throws {
        try await withFolder { folder in
            let result = try await run(
                try await SimulatedBench(folder, units: 1), "python3", "-c",
                "import os; m, s = os.openpty(); os.write(s, b'x'); print(os.read(m, 1))")
            #expect(result.output == "b'x'\n", "\(result.errors)")
        }
    }

    @Test func `one that says nothing to the dock does not keep others from acting`() async throws {
        try await withFolder { folder in
            let bench = try await SimulatedBench(folder, units: 1)
            try await bench.run(["sh", "-c", "touch \(folder)/up; exec tail -f /dev/null"]) { _ in
                try await appears("\(folder)/up")
                let silent = try await Programs.start(
                    "python3",
                    ["-c", "import socket, time; s = socket.socket(socket.AF_UNIX); s.connect('\(bench.controlSocket)'); time.sleep(60)"],
                    output: "\(folder)/silent.out", errors: "\(folder)/silent.err")
                defer { silent.signal(SIGKILL) }
                try await bench.hands("list")
                try await bench.hands("unplug", "A01")
            }
        }
    }

    @Test func `mistakes are explained before anything is set up`() async throws {
        try await withFolder { folder in
            let bench = try await SimulatedBench(folder, units: 1)
            try "dock: it\nslots: {A01: 1-1}\nunits: [{slot: A02}]\n".write(toFile: bench.dock, atomically: true, encoding: .utf8)
            let result = try await run(bench, "true")
            #expect(result.status == 64)
            #expect(result.errors.contains("dock.yaml:3: units[0].slot: expected the label of a slot above, found 'A02'"))
            let nobody = try await Programs.run("hubsim", ["ctl", "list", "--socket", "\(folder)/none.sock"])
            #expect(nobody.status == 1)
            #expect(nobody.errors == "hubsim: \(folder)/none.sock: No such file or directory; is 'hubsim run' running?\n")
        }
    }

    @Test func `hands act on the dock, and what can't be done is refused`() async throws {
        try await withFolder { folder in
            let bench = try await SimulatedBench(folder, units: 2)
            try await bench.run(["sh", "-c", "touch \(folder)/up; exec tail -f /dev/null"]) { _ in
                try await appears("\(folder)/up")
                try await bench.hands("unplug", "A01")
                let empty = try await Programs.run("hubsim", ["ctl", "unplug", "A01", "--socket", bench.controlSocket])
                #expect(empty.errors == "hubsim: slot A01 is empty\n")
                try await bench.hands("plug", SimulatedBench.chf(1), "A05")
                let taken = try await Programs.run(
                    "hubsim", ["ctl", "plug", SimulatedBench.chf(2), "A05", "--socket", bench.controlSocket])
                #expect(taken.errors == "hubsim: slot A05 is taken by \(SimulatedBench.chf(1))\n")
                try await bench.hands("fault", SimulatedBench.chf(1), "stall", "--at-block", "3")
                let list = try await Programs.run("hubsim", ["ctl", "list", "--socket", bench.controlSocket])
                #expect(list.output.contains("A05   00-DB-12-34-56-78-90-01  runtime"))
                #expect(list.output.contains("stall"))
            }
        }
    }

    @Test func `an ordinary user can do all of it`() async throws {
        try await withFolder { folder in
            let bench = try await SimulatedBench(folder, units: 4)
            chmod(folder, 0o777)
            // What the bench has already must be that user's.
            if geteuid() == 0 { try await Programs.run("chown", ["-R", "65534:65534", folder]) }
            let script = """
                dfu-util -l | grep -c 'Found Runtime'
                \(Programs.path("reflashd")) --config \(bench.config) 2>\(folder)/daemon.log & daemon=$!
                until \(Programs.path("reflashctl")) status --json --socket \(bench.socket) 2>/dev/null | grep -o '"outcome" : "reflashed"' | wc -l | grep -q 4; do
                    kill -0 $daemon || exit 9
                done
                kill $daemon; wait $daemon
                """
            let hubsim = [Programs.path("hubsim"), "run", "--dock", bench.dock, "--socket", bench.controlSocket, "--", "sh", "-c", script]
            // As root this drops to nobody; otherwise it is an ordinary user already.
            let result =
                geteuid() == 0
                ? try await Programs.run("setpriv", ["--reuid", "65534", "--regid", "65534", "--clear-groups", "--no-new-privs"] + hubsim)
                : try await Programs.run(hubsim[0], Array(hubsim.dropFirst()))
            #expect(result.status == 0, "\(result.errors)\((try? String(contentsOfFile: "\(folder)/daemon.log", encoding: .utf8)) ?? "")")
            #expect(result.output.hasPrefix("4\n"))
        }
    }

    // MARK: Things that no event tells

    /// Waits until no process has `word` among its arguments.
    private func vanishes(_ word: String) async throws {
        try await until("no process has \(word)") {
            !((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).contains { name in
                guard Int32(name) != nil, let line = try? Data(contentsOf: URL(filePath: "/proc/\(name)/cmdline")) else { return false }
                return String(decoding: line, as: UTF8.self).contains(word)
            }
        }
    }
}
