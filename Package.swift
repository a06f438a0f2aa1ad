// swift-tools-version:6.2

import Foundation
import PackageDescription

/// CI sets this to turn every warning of this package into an error.
let warningsAreErrors = ProcessInfo.processInfo.environment["WARNINGS_AS_ERRORS"] == "1"

let common: [SwiftSetting] =
    [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
        .enableUpcomingFeature("InferIsolatedConformances"),
    ] + (warningsAreErrors ? [.treatAllWarnings(as: .error)] : [])

/// For the targets that touch C pointers.
let pointers: [SwiftSetting] = common + [.strictMemorySafety()]

let asn1: Target.Dependency = .product(name: "SwiftASN1", package: "swift-asn1")
let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let collections: Target.Dependency = .product(name: "DequeModule", package: "swift-collections")
let heap: Target.Dependency = .product(name: "HeapModule", package: "swift-collections")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let cryptoExtras: Target.Dependency = .product(name: "_CryptoExtras", package: "swift-crypto")
let grdb: Target.Dependency = .product(name: "GRDB", package: "GRDB.swift")
let httpClient: Target.Dependency = .product(name: "AsyncHTTPClient", package: "async-http-client")
let httpTypes: Target.Dependency = .product(name: "HTTPTypes", package: "swift-http-types")
let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioFoundation: Target.Dependency = .product(name: "NIOFoundationCompat", package: "swift-nio")
let nioHTTP: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let signals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let subprocess: Target.Dependency = .product(name: "Subprocess", package: "swift-subprocess")
let system: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")
let x509: Target.Dependency = .product(name: "X509", package: "swift-certificates")
let yams: Target.Dependency = .product(name: "Yams", package: "Yams")

let package = Package(
    name: "reflash-bench",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "reflashd", targets: ["reflashd"]),
        .executable(name: "reflashctl", targets: ["reflashctl"]),
        .executable(name: "hubsim", targets: ["hubsim"]),
        // For Benchmarks/.
        .library(name: "BenchModel", targets: ["BenchModel"]),
        .library(name: "Journal", targets: ["Journal"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-asn1", exact: "1.7.4"),
        .package(url: "https://github.com/apple/swift-certificates", exact: "1.21.1"),
        .package(url: "https://github.com/apple/swift-collections", exact: "1.6.0"),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types", exact: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-system", exact: "1.8.1"),
        .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1", traits: []),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
        .package(url: "https://github.com/swift-server/async-http-client", exact: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", exact: "1.0.2"),
    ],
    targets: [
        .systemLibrary(
            name: "CLibUSB", pkgConfig: "libusb-1.0", providers: [.apt(["libusb-1.0-0-dev"])]),
        .systemLibrary(name: "CHost"),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CSerial"),
        .systemLibrary(name: "CTimer"),
        .systemLibrary(name: "CUdev", pkgConfig: "libudev", providers: [.apt(["libudev-dev"])]),
        .systemLibrary(name: "CFuse", pkgConfig: "fuse3", providers: [.apt(["libfuse3-dev"])]),

        .target(name: "BenchModel", dependencies: ["CTimer"], swiftSettings: common),
        .target(name: "ConfigFiles", dependencies: ["BenchModel", "Firmware", yams], swiftSettings: common),
        .target(name: "Firmware", dependencies: ["BenchModel", asn1, crypto, cryptoExtras, x509], swiftSettings: pointers),
        .target(name: "Links", dependencies: ["BenchModel", "CLibUSB", "CSerial"], swiftSettings: pointers),
        .target(name: "Protocols", dependencies: ["BenchModel", "Links", collections], swiftSettings: common),
        .target(name: "Dock", dependencies: ["BenchModel", "CUdev", logging], swiftSettings: pointers),
        .target(name: "Journal", dependencies: ["BenchModel", "CZlib", crypto, grdb], swiftSettings: common),
        .target(
            name: "Bench",
            dependencies: [
                "BenchModel", "Firmware", "Links", "Protocols", "Dock", "Journal", collections, crypto, logging,
            ],
            swiftSettings: common),
        .target(
            name: "Releases", dependencies: ["BenchModel", "Firmware", "Journal", logging], swiftSettings: common),
        .target(name: "Logistics", dependencies: ["BenchModel", "Journal", crypto], swiftSettings: common),
        .target(
            name: "Delivery",
            dependencies: ["BenchModel", "Journal", "Logistics", httpClient, logging, nioCore, nioFoundation, nioHTTP],
            swiftSettings: common),
        .target(name: "BenchWire", dependencies: ["BenchModel"], swiftSettings: common),
        .target(
            name: "BenchAPI",
            dependencies: [
                "BenchModel", "BenchWire", "Bench", "Delivery", "Firmware", "Journal", "Logistics", "Releases", httpTypes, hummingbird,
                lifecycle, logging, nioCore,
            ],
            swiftSettings: common),
        .target(
            name: "Simulator",
            dependencies: ["BenchModel", "ConfigFiles", "Firmware", "Links", "Protocols", "CFuse", "CSerial", collections, heap, crypto],
            swiftSettings: pointers),

        .target(name: "Doctor", dependencies: ["BenchModel", "CHost", "ConfigFiles", "Dock"], swiftSettings: pointers),
        .target(
            name: "TerminalView", dependencies: ["BenchModel", "BenchWire", "Doctor", "Firmware"], swiftSettings: common),

        .executableTarget(
            name: "reflashd",
            dependencies: [
                "BenchModel", "BenchWire", "ConfigFiles", "Firmware", "Links", "Delivery", "Dock", "Journal", "Bench", "BenchAPI",
                "Logistics", "Releases", argumentParser, lifecycle, logging, signals,
            ],
            swiftSettings: common),
        .executableTarget(
            name: "reflashctl",
            dependencies: [
                "BenchModel", "BenchWire", "ConfigFiles", "Dock", "Doctor", "Firmware", "Journal", "TerminalView", argumentParser, crypto,
                httpClient,
                logging,
                nioCore, nioFoundation, nioHTTP,
            ],
            swiftSettings: common),
        .executableTarget(
            name: "hubsim", dependencies: ["Simulator", "BenchModel", "ConfigFiles", argumentParser], swiftSettings: pointers),

        .testTarget(name: "BenchModelTests", dependencies: ["BenchModel"], swiftSettings: common),
        .testTarget(name: "ConfigFilesTests", dependencies: ["BenchModel", "ConfigFiles"], swiftSettings: common),
        .testTarget(
            name: "FirmwareTests", dependencies: ["BenchModel", "Firmware", "ReleaseKit", asn1, crypto, x509], swiftSettings: common),
        .testTarget(
            name: "ReleasesTests", dependencies: ["BenchModel", "Firmware", "Journal", "ReleaseKit", "Releases", logging],
            swiftSettings: common),
        // What tests of releases share: a root, signers, bundles.
        .target(
            name: "ReleaseKit", dependencies: ["BenchModel", "Firmware", asn1, crypto, x509], path: "Tests/ReleaseKit",
            swiftSettings: common),
        .testTarget(name: "DoctorTests", dependencies: ["BenchModel", "ConfigFiles", "Doctor"], swiftSettings: common),
        .testTarget(name: "LinksTests", dependencies: ["BenchModel", "Links"], swiftSettings: common),
        .testTarget(name: "ProtocolsTests", dependencies: ["BenchModel", "Firmware", "Links", "Protocols"], swiftSettings: common),
        .testTarget(name: "DockTests", dependencies: ["BenchModel", "Dock"], swiftSettings: common),
        // What tests of consignments share: a desk with a journal of its own, and random histories.
        .target(
            name: "LogisticsKit", dependencies: ["BenchModel", "Journal", "Logistics"], path: "Tests/LogisticsKit", swiftSettings: common),
        // What the tests kill in the middle of a consignment.
        .executableTarget(
            name: "clerk-script", dependencies: ["BenchModel", "Journal", "Logistics", "LogisticsKit"], path: "Tests/ClerkScript",
            swiftSettings: common),
        .testTarget(
            name: "LogisticsTests", dependencies: ["BenchModel", "Journal", "Logistics", "LogisticsKit", grdb], swiftSettings: common),
        // A partner's repository that misbehaves when it is told to.
        .target(
            name: "CaptureKit", dependencies: [httpTypes, hummingbird, lifecycle, logging, nioCore], path: "Tests/CaptureKit",
            swiftSettings: common),
        .testTarget(
            name: "DeliveryTests",
            dependencies: ["BenchModel", "CaptureKit", "Delivery", "Journal", "Logistics", "LogisticsKit", logging], swiftSettings: common),
        .testTarget(name: "JournalTests", dependencies: ["BenchModel", "Journal", grdb], swiftSettings: common),
        // What tests of the bench share: releases, links, and seeded campaigns in virtual time.
        .target(
            name: "BenchKit",
            dependencies: ["BenchModel", "Bench", "Dock", "Firmware", "Journal", "Links", "Protocols", "Simulator", logging],
            path: "Tests/BenchKit", swiftSettings: common),
        .executableTarget(
            name: "campaigns", dependencies: ["BenchKit", "Simulator", argumentParser], path: "Tests/Campaigns", swiftSettings: common),
        .testTarget(
            name: "BenchTests",
            dependencies: [
                "BenchKit", "BenchModel", "Bench", "ConfigFiles", "Dock", "Firmware", "Journal", "Links", "Logistics", "Protocols",
                "Simulator",
                logging,
            ],
            swiftSettings: common),
        .testTarget(
            name: "SimulatorTests", dependencies: ["BenchModel", "ConfigFiles", "Protocols", "Simulator"], swiftSettings: common),
        .testTarget(name: "TerminalViewTests", dependencies: ["BenchModel", "BenchWire", "TerminalView"], swiftSettings: common),
        .testTarget(
            name: "IntegrationTests",
            dependencies: [
                "Bench", "BenchKit", "BenchModel", "BenchWire", "Firmware", "ConfigFiles", "Journal", "Logistics",
                "LogisticsKit",
                "Protocols",
                "ReleaseKit", "Releases", "Simulator",
                crypto, logging, subprocess, system, "clerk-script", "hubsim", "reflashctl", "reflashd",
            ],
            swiftSettings: common),
    ]
)

/// Leaves nothing but these targets, for a build of its own kind, which takes everything to be built once more.
@MainActor func keepOnly(_ needed: Set<String>) {
    package.targets.removeAll { !needed.contains($0.name) }
    package.products = []
}

// libFuzzer brings `main` with it, so these only link with --sanitize=fuzzer: see packaging/fuzz.sh.
if ProcessInfo.processInfo.environment["FUZZING"] == "1" {
    keepOnly(["CLibUSB", "CSerial", "CTimer", "BenchModel", "Firmware", "Links", "Protocols"])
    let fuzzer: [SwiftSetting] = [.swiftLanguageMode(.v6), .unsafeFlags(["-parse-as-library"])]
    let fuzzers = [
        "FuzzImages": ["Firmware"], "FuzzDescriptors": ["Links", "Protocols"], "FuzzCBOR": ["Protocols"],
        "FuzzSMPMessages": ["Protocols"], "FuzzSMPFraming": ["BenchModel", "Protocols"],
        "FuzzManifest": ["Firmware"], "FuzzTables": ["BenchModel", "Firmware"], "FuzzSignatures": ["Firmware"],
        "FuzzBundles": ["Firmware"],
    ]
    for (name, parsers) in fuzzers {
        package.targets.append(
            .executableTarget(
                name: name, dependencies: parsers.map { .byName(name: $0) }, path: "Tests/Fuzzing/\(name)", swiftSettings: fuzzer))
    }
}

// The tests of tier 1 and of the links alone, for the sanitizers.
if ProcessInfo.processInfo.environment["TESTS"] == "tier-1" {
    keepOnly([
        "CLibUSB", "CSerial", "CTimer", "CUdev", "CFuse", "CZlib", "BenchModel", "ConfigFiles", "Firmware", "Links", "Protocols", "Dock",
        "Journal", "Bench", "Logistics", "Simulator", "BenchKit", "BenchTests", "LinksTests",
    ])
}
