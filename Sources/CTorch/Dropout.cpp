// Masks of dropout on the CPU. libtorch draws them number by number on one thread; here each number is a hash of its place and of
// one draw from libtorch's generator, so all threads work at once and the result is the same for any number of them.
#include "Guard.hpp"
#include "Parallel.hpp"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Functions.h>

using namespace ctorch;

namespace {

// The bits of a number: 0 where the hash of its place lies below `threshold`, `kept` elsewhere. Once for each width of numbers,
// because a compiler makes clones for newer processors of plain functions only.
#define FILL(name, Bits)                                                                                               \
    __attribute__((target_clones("avx512f", "avx2", "default"))) void name(                                            \
        Bits *mask, uint32_t first, uint32_t count, uint64_t key, uint32_t threshold, Bits kept) {                     \
        const uint32_t low = static_cast<uint32_t>(key), high = static_cast<uint32_t>(key >> 32);                      \
        for (uint32_t index = 0; index < count; ++index) {                                                             \
            uint32_t x = (first + index) ^ low;                                                                        \
            x ^= x >> 16;                                                                                              \
            x *= 0x21f0aaadU;                                                                                          \
            x ^= high ^ (x >> 15);                                                                                     \
            x *= 0xd35a2d97U;                                                                                          \
            x ^= x >> 15;                                                                                              \
            mask[index] = x < threshold ? Bits(0) : kept;                                                              \
        }                                                                                                              \
    }
FILL(fill, uint32_t)
FILL(fill, uint16_t)
#undef FILL

template <typename Bits>
void fill_parallel(void *mask, int64_t count, uint64_t key, uint32_t threshold, Bits kept) {
    // A hash sees 30 bits of the place; the rest goes into the key.
    ctorch::parallel_parts(count, 1 << 15, [&](int64_t begin, int64_t end) {
        while (begin < end) {
            const int64_t part = begin >> 30, stretch = std::min(end, (part + 1) << 30) - begin;
            fill(static_cast<Bits *>(mask) + begin, static_cast<uint32_t>(begin & ((1 << 30) - 1)),
                 static_cast<uint32_t>(stretch), key + 0x9e3779b97f4a7c15ULL * static_cast<uint64_t>(part), threshold, kept);
            begin += stretch;
        }
    });
}

}  // namespace

ctorch_error *ctorch_dropout_mask(const ctorch_tensor *like, double probability, ctorch_tensor **out) {
    return guarded([&] {
        auto source = borrow_tensor(like);
        TORCH_CHECK(source.is_cpu(), "dropout mask: the tensor must be on the CPU");
        TORCH_CHECK(probability >= 0 && probability < 1, "dropout mask: a probability from 0 to below 1 is expected, found ", probability);
        auto mask = at::empty(source.sizes(), source.options().requires_grad(false));
        uint64_t key;
        {
            auto generator = at::detail::getDefaultCPUGenerator();
            std::lock_guard<std::mutex> lock(generator.mutex());
            key = at::check_generator<at::CPUGeneratorImpl>(generator)->random64();
        }
        const auto threshold = static_cast<uint32_t>(probability * 4294967296.0);
        const float kept = static_cast<float>(1 / (1 - probability));
        const int64_t count = mask.numel();
        switch (mask.scalar_type()) {
        case at::kFloat: fill_parallel(mask.data_ptr(), count, key, threshold, c10::detail::fp32_to_bits(kept)); break;
        case at::kBFloat16: fill_parallel(mask.data_ptr(), count, key, threshold, c10::BFloat16(kept).x); break;
        case at::kHalf: fill_parallel(mask.data_ptr(), count, key, threshold, c10::Half(kept).x); break;
        default: TORCH_CHECK(false, "dropout mask: ", mask.scalar_type(), " is not a type that learns");
        }
        *out = export_tensor(std::move(mask));
    });
}
