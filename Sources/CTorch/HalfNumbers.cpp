#include "HalfNumbers.hpp"

#include <algorithm>
#include <cstring>

namespace {

__attribute__((target_clones("avx512f", "avx2", "default"))) void widen_bits(
    const uint16_t *__restrict from, float *__restrict to, int64_t count) {
    for (int64_t i = 0; i < count; ++i) to[i] = ctorch::single(from[i]);
}

__attribute__((target_clones("avx512f", "avx2", "default"))) void narrow_bits(
    const float *__restrict from, uint16_t *__restrict to, int64_t count) {
    for (int64_t i = 0; i < count; ++i) ctorch::put(from[i], to[i]);
}

}  // namespace

namespace ctorch {

void widen(const at::BFloat16 *from, float *to, int64_t count) {
    widen_bits(reinterpret_cast<const uint16_t *>(from), to, count);
}
void narrow(const float *from, at::BFloat16 *to, int64_t count) {
    narrow_bits(from, reinterpret_cast<uint16_t *>(to), count);
}

std::vector<float> singles(const at::Tensor &tensor) {
    const auto single = tensor.to(at::kFloat).contiguous();
    const auto *data = static_cast<const float *>(single.const_data_ptr());
    return {data, data + single.numel()};
}

void widen(const at::Half *from, float *to, int64_t count) { std::copy(from, from + count, to); }
void narrow(const float *from, at::Half *to, int64_t count) { std::copy(from, from + count, to); }

void widen(const float *from, float *to, int64_t count) { std::memcpy(to, from, count * sizeof(float)); }
void narrow(const float *from, float *to, int64_t count) { std::memcpy(to, from, count * sizeof(float)); }

}  // namespace ctorch
