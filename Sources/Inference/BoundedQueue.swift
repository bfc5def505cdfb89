import Dispatch
import Synchronization

/// A queue from one thread to another. Who puts waits while it is full, who takes waits while it is empty.
package final class BoundedQueue<Element: Sendable>: Sendable {
    private struct State {
        var elements: [Element] = []
        var isClosed = false
        var isCancelled = false
    }

    private let state = Mutex(State())
    // Semaphores that begin at 0: Dispatch ends the program when one is released below its first value.
    private let free = DispatchSemaphore(value: 0)
    private let filled = DispatchSemaphore(value: 0)

    package init(capacity: Int) {
        for _ in 0..<capacity { free.signal() }
    }

    /// Appends an element; false if nobody will ever take it.
    package func put(_ element: Element) -> Bool {
        free.wait()
        let isTaken = state.withLock { state in
            if !state.isCancelled { state.elements.append(element) }
            return !state.isCancelled
        }
        if isTaken { filled.signal() } else { free.signal() }
        return isTaken
    }

    /// Ends the queue after what is in it.
    package func close() {
        state.withLock { $0.isClosed = true }
        filled.signal()
    }

    /// The next element; nil when the queue was closed and is empty.
    package func take() -> Element? {
        filled.wait()
        let element = state.withLock { $0.elements.isEmpty ? nil : $0.elements.removeFirst() }
        if element == nil { filled.signal() } else { free.signal() }
        return element
    }

    /// Takes everything out and nothing more in.
    package func cancel() {
        state.withLock { state in
            state.isCancelled = true
            state.elements = []
        }
        free.signal()
    }
}
