#include "HalfNumbers.hpp"

#include <algorithm>
#include <cstring>

namespace {

__attribute__((target_clones("avx512f", "avx2", "default"))) void widen_bits(
    const uint16_t *__restrict from, float *__restrict to, int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
        const uint32_t bits = static_cast<uint32_t>(from[i]) << 16;
        std::memcpy(to + i, &bits, 4);
    }
}

__attribute__((target_clones("avx512f", "avx2", "default"))) void narrow_bits(
    const float *__restrict from, uint16_t *__restrict to, int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
        uint32_t bits;
        std::memcpy(&bits, from + i, 4);
        const uint32_t rounded = (bits + 0x7fffU + ((bits >> 16) & 1)) >> 16;
        to[i] = static_cast<uint16_t>((bits & 0x7fffffffU) > 0x7f800000U ? 0x7fc0U : rounded);
    }
}

}  // namespace

namespace ctorch {

void widen(const at::BFloat16 *from, float *to, int64_t count) {
    widen_bits(reinterpret_cast<const uint16_t *>(from), to, count);
}
void narrow(const float *from, at::BFloat16 *to, int64_t count) {
    narrow_bits(from, reinterpret_cast<uint16_t *>(to), count);
}

void widen(const at::Half *from, float *to, int64_t count) { std::copy(from, from + count, to); }
void narrow(const float *from, at::Half *to, int64_t count) { std::copy(from, from + count, to); }

void widen(const float *from, float *to, int64_t count) { std::memcpy(to, from, count * sizeof(float)); }
void narrow(const float *from, float *to, int64_t count) { std::memcpy(to, from, count * sizeof(float)); }

}  // namespace ctorch
