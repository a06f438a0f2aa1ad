// swift-tools-version:6.2

import Foundation
import PackageDescription

/// As in the package above.
let warningsAreErrors = ProcessInfo.processInfo.environment["WARNINGS_AS_ERRORS"] == "1"

let package = Package(
    name: "reflash-bench-benchmarks",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "reflash-bench", path: ".."),
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
    ],
    targets: [
        .executableTarget(
            name: "journal-load",
            dependencies: [
                .product(name: "BenchModel", package: "reflash-bench"),
                .product(name: "Journal", package: "reflash-bench"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "GRDB", package: "GRDB.swift"),
            ],
            swiftSettings: [
                .enableUpcomingFeature("ExistentialAny"),
                .enableUpcomingFeature("InternalImportsByDefault"),
                .enableUpcomingFeature("MemberImportVisibility"),
                .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
                .enableUpcomingFeature("InferIsolatedConformances"),
            ] + (warningsAreErrors ? [.treatAllWarnings(as: .error)] : []))
    ]
)
