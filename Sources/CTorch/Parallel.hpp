// Loops on libtorch's own threads. at::parallel_for is compiled by its caller, and without a compiler's OpenMP it quietly runs
// on one thread; so the one function of the OpenMP runtime that starts a team is called here directly.
#pragma once
#include "SmallNumbers.hpp"

#include <ATen/Parallel.h>

#include <dlfcn.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>

namespace ctorch {

/// Calls body(from, to) for neighbouring parts of 0..<count, of `grain` or more each, one for a thread. What the first of them
/// throws is thrown when all have ended.
template <typename Body>
void parallel_parts(int64_t count, int64_t grain, const Body &body) {
    using Team = void (*)(void (*work)(void *), void *data, unsigned threads, unsigned flags);
    using Number = int (*)();
    static const auto team = reinterpret_cast<Team>(dlsym(RTLD_DEFAULT, "GOMP_parallel"));
    static const auto thread_number = reinterpret_cast<Number>(dlsym(RTLD_DEFAULT, "omp_get_thread_num"));
    static const auto thread_count = reinterpret_cast<Number>(dlsym(RTLD_DEFAULT, "omp_get_num_threads"));
    const WithoutSmallNumbers scope;
    const int64_t useful = std::min<int64_t>(at::get_num_threads(), count / std::max<int64_t>(grain, 1));
    if (useful < 2 || !team || !thread_number || !thread_count || at::in_parallel_region()) {
        if (count > 0) body(int64_t(0), count);
        return;
    }
    struct Work {
        const Body &body;
        int64_t count, part;
        std::atomic_flag failed = ATOMIC_FLAG_INIT;
        std::exception_ptr failure;
    } work{body, count, (count + useful - 1) / useful};
    team(
        [](void *data) {
            auto &work = *static_cast<Work *>(data);
            try {
                // A team may be smaller than was asked for; its threads then do several parts.
                for (int64_t from = thread_number() * work.part; from < work.count; from += thread_count() * work.part)
                    work.body(from, std::min(work.count, from + work.part));
            } catch (...) {
                if (!work.failed.test_and_set()) work.failure = std::current_exception();
            }
        },
        &work, static_cast<unsigned>(useful), 0);
    if (work.failure) std::rethrow_exception(work.failure);
}

}  // namespace ctorch
