// Where OpenBLAS is the faster, libtorch's two operators behind linear layers, forwards and backwards, are replaced by ones that
// call it. Everywhere else libtorch's own stay.
#include "OpenBLAS.hpp"
#include "Parallel.hpp"

#include <ATen/Context.h>
#include <ATen/ops/addmm_cpu_dispatch.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm_cpu_dispatch.h>
#include <torch/library.h>

#include <cstring>
#include <optional>

using namespace ctorch::openblas;

namespace {

// Products with less work are not worth the way here.
constexpr int64_t least_operations = 1 << 18;

/// How OpenBLAS sees a matrix: rows at that distance, or columns.
struct Layout {
    int transpose;
    int distance;
};

std::optional<Layout> layout(const at::Tensor &matrix) {
    if (matrix.dim() != 2 || matrix.scalar_type() != at::kFloat || !matrix.is_cpu() || matrix.layout() != at::kStrided ||
        matrix.is_neg()) return std::nullopt;
    const int64_t rows = matrix.size(0), columns = matrix.size(1);
    const int64_t down = matrix.stride(0), along = matrix.stride(1);
    const int64_t largest = INT32_MAX;
    if (rows > largest || columns > largest || down > largest || along > largest) return std::nullopt;
    if (along == 1 && down >= std::max<int64_t>(1, columns)) return Layout{plain, static_cast<int>(down)};
    if (down == 1 && along >= std::max<int64_t>(1, rows)) return Layout{transposed, static_cast<int>(along)};
    return std::nullopt;
}

/// out [M, N] = a [M, K] · b [K, N], onto `bias` [N] where there is one. Every thread does a part of the rows, or of the
/// columns where there are more of them.
void multiply(Sgemm sgemm, const at::Tensor &out, const at::Tensor &a, Layout as, const at::Tensor &b, Layout bs,
              const float *bias) {
    const int64_t m = a.size(0), k = a.size(1), n = b.size(1);
    const bool by_rows = m >= n;
    const int64_t threads = at::in_parallel_region() ? 1 : at::get_num_threads();
    const int64_t length = by_rows ? m : n;
    // Whole tiles of the kernel.
    const int64_t part = ((length + threads - 1) / threads + 15) / 16 * 16;
    const float *left = static_cast<const float *>(a.const_data_ptr());
    const float *right = static_cast<const float *>(b.const_data_ptr());
    float *target = static_cast<float *>(out.mutable_data_ptr());
    ctorch::parallel_parts((length + part - 1) / part, 1, [&](int64_t from, int64_t to) {
        for (int64_t index = from; index < to; index++) {
            const int64_t first = index * part, count = std::min(part, length - first);
            const int64_t rows = by_rows ? count : m, columns = by_rows ? n : count;
            const float *own_left = by_rows ? left + first * (as.transpose == plain ? as.distance : 1) : left;
            const float *own_right = by_rows ? right : right + first * (bs.transpose == plain ? 1 : bs.distance);
            float *own_target = target + first * (by_rows ? n : 1);
            if (bias) {
                const float *own_bias = by_rows ? bias : bias + first;
                for (int64_t row = 0; row < rows; row++)
                    std::memcpy(own_target + row * n, own_bias, columns * sizeof(float));
            }
            sgemm(row_major, as.transpose, bs.transpose, static_cast<int>(rows), static_cast<int>(columns),
                  static_cast<int>(k), 1, own_left, as.distance, own_right, bs.distance, bias ? 1 : 0, own_target,
                  static_cast<int>(n));
        }
    });
}

/// The product, or nothing where libtorch's own way is to be taken.
std::optional<at::Tensor> product(const at::Tensor &a, const at::Tensor &b, const float *bias) {
    // "highest" asks for libtorch's own products, for comparisons.
    if (at::globalContext().float32MatmulPrecision() == at::Float32MatmulPrecision::HIGHEST) return std::nullopt;
    const auto as = layout(a), bs = layout(b);
    if (!as || !bs || a.size(1) != b.size(0)) return std::nullopt;
    const int64_t m = a.size(0), k = a.size(1), n = b.size(1);
    if (m < 2 || n < 2 || k < 2 || m * n * k < least_operations) return std::nullopt;
    const Sgemm found = sgemm();
    if (!found) return std::nullopt;
    at::Tensor out = at::empty({m, n}, a.options());
    multiply(found, out, a, *as, b, *bs, bias);
    return out;
}

at::Tensor mm(const at::Tensor &a, const at::Tensor &b) {
    if (auto out = product(a, b, nullptr)) return *std::move(out);
    return at::cpu::mm(a, b);
}

at::Tensor addmm(const at::Tensor &bias, const at::Tensor &a, const at::Tensor &b, const at::Scalar &beta,
                 const at::Scalar &alpha) {
    const bool simple = bias.dim() == 1 && b.dim() == 2 && bias.size(0) == b.size(1) && bias.is_contiguous() &&
                        bias.is_cpu() && bias.scalar_type() == at::kFloat && beta.toDouble() == 1 &&
                        alpha.toDouble() == 1;
    if (simple)
        if (auto out = product(a, b, static_cast<const float *>(bias.const_data_ptr()))) return *std::move(out);
    return at::cpu::addmm(bias, a, b, beta, alpha);
}

// When the library is loaded: products of two libraries differ in their last bits, and a process must not begin with the one
// and go on with the other.
__attribute__((constructor)) void replace_products() {
    if (!is_preferred()) return;
    // libtorch warns of replaced operators, also when that is what is wanted.
    struct Silent : c10::WarningHandler {
        void process(const c10::Warning &) override {}
    } silent;
    c10::WarningUtils::WarningHandlerGuard guard(&silent);
    static torch::Library library(torch::Library::IMPL, "aten", c10::DispatchKey::CPU, __FILE__, __LINE__);
    library.impl("mm", &mm);
    library.impl("addmm", &addmm);
}

}  // namespace
