// Stretches of numbers in half precision as single ones, and back.
#pragma once
#include <ATen/core/TensorBody.h>
#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>

#include <cstdint>
#include <cstring>
#include <vector>

namespace ctorch {

// Number by number, inside a loop that becomes vectors; a bfloat16 as its bits.
inline float single(float x) { return x; }
inline float single(uint16_t half) {
    const uint32_t bits = static_cast<uint32_t>(half) << 16;
    float x;
    std::memcpy(&x, &bits, 4);
    return x;
}
inline void put(float x, float &to) { to = x; }
/// To the nearest, ties to even; NaN stays NaN.
inline void put(float x, uint16_t &to) {
    uint32_t bits;
    std::memcpy(&bits, &x, 4);
    const uint32_t rounded = (bits + 0x7fffU + ((bits >> 16) & 1)) >> 16;
    to = static_cast<uint16_t>((bits & 0x7fffffffU) > 0x7f800000U ? 0x7fc0U : rounded);
}
/// The same in a function compiled for processors that round to bfloat16 by themselves.
[[gnu::always_inline]] inline void put(float x, __bf16 &to) { to = static_cast<__bf16>(x); }

// Whole stretches.

void widen(const at::BFloat16 *from, float *to, int64_t count);
void narrow(const float *from, at::BFloat16 *to, int64_t count);

// Half precision is there for graphics processors; here it need only be right.
void widen(const at::Half *from, float *to, int64_t count);
void narrow(const float *from, at::Half *to, int64_t count);

/// All numbers of a tensor of any type, on the CPU.
std::vector<float> singles(const at::Tensor &tensor);

// What is single already.
void widen(const float *from, float *to, int64_t count);
void narrow(const float *from, float *to, int64_t count);

}  // namespace ctorch
