// OpenBLAS, where its fp32 products are the fastest: on AMD processors without AVX-512. There MKL, and oneDNN which calls it, reach
// half of what the processor can do; OpenBLAS reaches three quarters.
#pragma once

namespace ctorch::openblas {

using Sgemm = void (*)(int order, int transpose_a, int transpose_b, int m, int n, int k, float alpha, const float *a,
                       int lda, const float *b, int ldb, float beta, float *c, int ldc);
constexpr int row_major = 101, plain = 111, transposed = 112;

/// Whether it is to be preferred on this processor.
bool is_preferred();

/// Its product for one thread, or null where it does not lie beside libtorch.
Sgemm sgemm();

}  // namespace ctorch::openblas
