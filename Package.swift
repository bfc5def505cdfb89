// swift-tools-version: 6.2
// The map of the targets is in ARCHITECTURE.md. Arrows point one way: a target may use only what stands above it here.
import PackageDescription

/// Where `Scripts/setup` put libtorch; TORCH_HOME names another installation of the same version.
let torchHome = Context.environment["TORCH_HOME"] ?? "\(Context.packageDirectory)/.torch/torch"

let swiftSettings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

func library(_ name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource] = []) -> Target {
    .target(name: name, dependencies: dependencies, resources: resources, swiftSettings: swiftSettings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource] = []) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: [.byName(name: name), "TestSupport"] + dependencies, resources: resources,
        swiftSettings: swiftSettings)
}

let package = Package(
    name: "animal2vec",
    products: [
        .executable(name: "animal2vec", targets: ["animal2vec"]),
        // A product of its own: its server takes as long to build as all of the rest.
        .executable(name: "animal2vec-studio", targets: ["animal2vec-studio"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        // Without settings from files and environment, which would bring another package.
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: ["FullFoundation"]),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        // C and C++ at the rim.
        .target(
            name: "CTorch",
            cxxSettings: [
                .unsafeFlags(["-isystem", "\(torchHome)/include"]),
                .unsafeFlags(["-isystem", "\(torchHome)/include/torch/csrc/api/include", "-Wall", "-O2"]),
            ],
            linkerSettings: [
                .unsafeFlags(["-L\(torchHome)/lib", "-Xlinker", "-rpath", "-Xlinker", "\(torchHome)/lib"]),
                .linkedLibrary("torch_cpu"), .linkedLibrary("c10"),
            ]),
        .target(name: "CVectors", cSettings: [.unsafeFlags(["-Wall", "-O3"])]),
        .systemLibrary(name: "CFFmpeg", pkgConfig: "libavformat", providers: [.apt(["libavformat-dev"])]),
        .systemLibrary(name: "CHDF5", pkgConfig: "hdf5-serial", providers: [.apt(["libhdf5-dev"])]),
        .systemLibrary(name: "CMatio", pkgConfig: "matio", providers: [.apt(["libmatio-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),

        // Recordings and labels.
        library("Randomness"),
        library("Storage", ["CHDF5"]),
        library("PyTorchFiles", ["CZlib", "Storage"]),
        library("Audio", ["CFFmpeg", "Storage"]),
        library("Labels", ["CMatio", "Storage"]),
        library("Corpus", ["Audio", "Labels", "Randomness", "Storage", .product(name: "GRDB", package: "GRDB.swift")]),
        library("Preparation", ["Audio", "Corpus", "Labels", "Randomness", "Storage"]),
        library("Evaluation", ["Labels", "Randomness"]),

        // The engine and the models.
        library("Torch", ["CTorch", "Storage"]),
        library("Neural", ["Torch", "Randomness", "Storage"]),
        library("Models", ["Neural", "Randomness"]),

        // What people run.
        library("Terminal", [.product(name: "ArgumentParser", package: "swift-argument-parser")]),
        library("Inference", ["Models", "Audio", "Labels", "Storage", "Yams"]),
        library("Import", ["Inference", "Models", "Neural", "PyTorchFiles", "Storage", "Torch"]),
        library(
            "Atlas",
            [
                "CVectors", "Evaluation", "Inference", "Models", "Audio", "Labels", "Randomness", "Storage",
                .product(name: "GRDB", package: "GRDB.swift"),
            ]),
        library(
            "Training",
            [
                "Inference", "Models", "Corpus", "Evaluation", "Storage", "Terminal", "Yams",
                .product(name: "Logging", package: "swift-log"),
            ], resources: [.copy("Recipes")]),
        library("Report", ["Audio", "Labels", "Evaluation", "Inference", "Storage"]),
        library(
            "Studio",
            [
                "Atlas", "Audio", "Corpus", "Labels", "Report", "Storage", "Torch",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOCore", package: "swift-nio"),
            ], resources: [.copy("Page")]),
        .executableTarget(
            name: "animal2vec",
            dependencies: [
                "Training", "Inference", "Import", "Preparation", "Atlas", "Report", "Terminal",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ], swiftSettings: swiftSettings),
        .executableTarget(
            name: "animal2vec-studio",
            dependencies: ["Studio", "Terminal", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            swiftSettings: swiftSettings),
        .executableTarget(
            name: "Benchmarks", dependencies: ["Atlas", "Audio", "Models", "Inference", "Studio", "Training"],
            swiftSettings: swiftSettings),

        // Tests mirror the sources.
        .target(
            name: "TestSupport", dependencies: ["Storage"], path: "Tests/TestSupport", swiftSettings: swiftSettings),
        tests("Randomness"), tests("Terminal"), tests("Storage"), tests("Audio"),
        tests("Labels", resources: [.copy("HDF5")]), tests("Corpus"), tests("Preparation"),
        tests("Evaluation", resources: [.copy("Fixture")]),
        tests("Torch"), tests("Neural"), tests("Models", resources: [.copy("Golden")]), tests("Training"),
        tests("Inference"), tests("Report"), tests("PyTorchFiles"),
        tests("Import", ["Models", "Neural", "PyTorchFiles"], resources: [.copy("Checkpoints")]),
        tests("Atlas", ["Audio", "Evaluation", "Labels", "Randomness", "Storage"]),
        tests("Studio", ["Atlas", "Audio", "Corpus", "Labels", "Randomness"]),
        .testTarget(
            name: "CommandTests",
            dependencies: [
                "animal2vec", "animal2vec-studio", "Atlas", "Audio", "Inference", "Labels", "Models", "TestSupport",
            ],
            swiftSettings: swiftSettings),
    ],
    cxxLanguageStandard: .cxx17
)
