// The products are oneDNN's small ones where the processor has AVX-512; elsewhere libtorch hands them to MKL.
#include "SmallProducts.hpp"

#include "OpenBLAS.hpp"
#include "Processor.hpp"

#include <ATen/native/CPUBlas.h>

namespace ctorch {

void multiply(int64_t m, int64_t n, int64_t k, const float *a, int64_t a_row, const float *b, int64_t b_row, float *c,
              int64_t c_row, bool onto) {
    static const auto sgemm = openblas::is_preferred() ? openblas::sgemm() : nullptr;
    if (!sgemm) return at::native::cpublas::brgemm(m, n, k, a_row, b_row, c_row, onto, a, b, c, false);
    sgemm(openblas::row_major, openblas::plain, openblas::plain, static_cast<int>(m), static_cast<int>(n), static_cast<int>(k), 1, a,
          static_cast<int>(a_row), b, static_cast<int>(b_row), onto ? 1 : 0, c, static_cast<int>(c_row));
}

void multiply_pairs(int64_t m, int64_t n, int64_t k, const c10::BFloat16 *a, int64_t a_row, const c10::BFloat16 *b,
                    int64_t b_row, float *c, int64_t c_row) {
    at::native::cpublas::brgemm(m, n, k, a_row, b_row, c_row, false, a, b, c, true);
}

bool has_pairs() {
    static const bool found = [] {
        const auto capabilities = at::cpu::get_cpu_capabilities();
        const auto pairs = capabilities.find("avx512_bf16");
        return has_avx512() && pairs != capabilities.end() && pairs->second.toBool();
    }();
    return found;
}

void release_products() { at::native::cpublas::brgemm_release(true); }

}  // namespace ctorch
