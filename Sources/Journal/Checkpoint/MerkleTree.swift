internal import BenchModel
internal import Crypto

/// The Merkle tree of a list, as RFC 9162 §2.1 has it: one hash stands for the whole list, and a short proof shows that something is in it.
enum MerkleTree {
    /// RFC 9162 §2.1.1: a leaf's hash begins with 0x00, a node's with 0x01.
    static func leaf(_ bytes: [UInt8]) -> [UInt8] { hash([0x00] + bytes) }

    static func node(_ left: [UInt8], _ right: [UInt8]) -> [UInt8] { hash([0x01] + left + right) }

    private static func hash(_ bytes: [UInt8]) -> [UInt8] { Array(SHA256.hash(data: bytes)) }

    /// What the tree of no leaf has as its root.
    static let empty = hash([])

    /// Whether the path leads from a leaf to a root (RFC 9162 §2.1.3.2). `index`: the leaf's, from 0.
    static func verifies(_ leaf: [UInt8], at index: UInt64, of size: UInt64, path: [[UInt8]], root: [UInt8]) -> Bool {
        guard index < size else { return false }
        var (place, last, hash) = (index, size - 1, leaf)
        for sibling in path {
            guard last != 0 else { return false }
            if place & 1 == 1 || place == last {
                hash = node(sibling, hash)
                while place & 1 == 0, place != 0 { (place, last) = (place >> 1, last >> 1) }
            } else {
                hash = node(hash, sibling)
            }
            (place, last) = (place >> 1, last >> 1)
        }
        return last == 0 && hash == root
    }
}

/// The right edge of a growing tree: all that is needed to add leaves and to say the root. One hash for each bit that is set in its size.
struct MerkleFrontier: Hashable, Sendable {
    private(set) var size: UInt64 = 0
    /// Roots of whole subtrees, the largest first.
    private(set) var roots: [[UInt8]] = []

    init() {}

    /// `nil` unless there are as many roots as a tree of that size has.
    init?(size: UInt64, roots: [[UInt8]]) {
        guard roots.count == size.nonzeroBitCount, roots.allSatisfy({ $0.count == 32 }) else { return nil }
        self.size = size
        self.roots = roots
    }

    mutating func append(_ leaf: [UInt8]) {
        var hash = MerkleTree.leaf(leaf)
        var bits = size
        while bits & 1 == 1 {
            hash = MerkleTree.node(roots.removeLast(), hash)
            bits >>= 1
        }
        roots.append(hash)
        size += 1
    }

    var root: [UInt8] {
        guard var hash = roots.last else { return MerkleTree.empty }
        for root in roots.dropLast().reversed() { hash = MerkleTree.node(root, hash) }
        return hash
    }
}

/// Gathers the path from one leaf to the root while all leaves pass by once, in constant memory (RFC 9162 §2.1.3.1).
struct MerklePathWalk {
    let index: UInt64
    private var whole: [(level: Int, start: UInt64, hash: [UInt8])] = []
    private var size: UInt64 = 0
    private var path: [[UInt8]] = []

    /// `index`: the leaf's, from 0. `frontier`: the tree of the leaves that are left out at the beginning, none of which is it.
    init(to index: UInt64, after frontier: MerkleFrontier = MerkleFrontier()) {
        self.index = index
        for root in frontier.roots {
            let level = (frontier.size - size).bitWidth - 1 - (frontier.size - size).leadingZeroBitCount
            whole.append((level, size, root))
            size += UInt64(1) << UInt64(level)
        }
    }

    mutating func append(_ leaf: [UInt8]) {
        var node = (level: 0, start: size, hash: MerkleTree.leaf(leaf))
        size += 1
        while let left = whole.last, left.level == node.level {
            whole.removeLast()
            note(left, node)
            node = (node.level + 1, left.start, MerkleTree.node(left.hash, node.hash))
        }
        whole.append(node)
    }

    /// The path, once all leaves have passed.
    mutating func finish() -> [[UInt8]] {
        while whole.count > 1 {
            let right = whole.removeLast()
            let left = whole.removeLast()
            note(left, right)
            whole.append((left.level + 1, left.start, MerkleTree.node(left.hash, right.hash)))
            // The last of an uneven tree is the right child of whatever stands to its left.
        }
        return path
    }

    /// Of two that come together, the one without the leaf is part of the path.
    private mutating func note(_ left: (level: Int, start: UInt64, hash: [UInt8]), _ right: (level: Int, start: UInt64, hash: [UInt8])) {
        if index >= right.start, index < end(right) {
            path.append(left.hash)
        } else if index >= left.start, index < right.start {
            path.append(right.hash)
        }
    }

    private func end(_ node: (level: Int, start: UInt64, hash: [UInt8])) -> UInt64 {
        min(size, node.start + (UInt64(1) << UInt64(min(node.level, 62))))
    }
}
