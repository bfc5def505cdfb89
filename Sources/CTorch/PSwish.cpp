// x · α · σ(βx) with α and β for every channel, in one pass over memory each way; as operators of libtorch it is four forwards and
// a dozen backwards. Sums over rows are in float32, in an order that is the same for any number of threads.
#include "Elementary.hpp"
#include "Guard.hpp"
#include "HalfNumbers.hpp"
#include "Parallel.hpp"

#include <ATen/Functions.h>
#include <torch/csrc/autograd/custom_function.h>

#include <vector>

using namespace ctorch;

namespace {

constexpr int64_t rows_of_part = 1024;

inline float sigmoid(float x) {
    const float small = exponential(x < 0 ? x : -x);
    return (x < 0 ? small : 1) / (1 + small);
}

__attribute__((target_clones("avx512f", "avx2", "default"))) void activate(
    float *__restrict row, const float *__restrict alpha, const float *__restrict beta, int32_t count) {
    for (int32_t i = 0; i < count; ++i) row[i] *= alpha[i] * sigmoid(beta[i] * row[i]);
}

/// The gradient of the result becomes that of `row`; those of α and β are added onto theirs.
__attribute__((target_clones("avx512f", "avx2", "default"))) void through_activation(
    float *__restrict gradient, const float *__restrict row, const float *__restrict alpha, const float *__restrict beta,
    float *__restrict alpha_gradient, float *__restrict beta_gradient, int32_t count) {
    for (int32_t i = 0; i < count; ++i) {
        const float x = row[i], open = sigmoid(beta[i] * x), slope = x * open * (1 - open);
        alpha_gradient[i] += gradient[i] * x * open;
        beta_gradient[i] += gradient[i] * alpha[i] * x * slope;
        gradient[i] *= alpha[i] * (open + beta[i] * slope);
    }
}

template <typename Number>
void forward(const at::Tensor &x, const at::Tensor &alpha, const at::Tensor &beta, const at::Tensor &result) {
    const auto scales = singles(alpha), steepness = singles(beta);
    const auto *from = static_cast<const Number *>(x.const_data_ptr());
    auto *to = static_cast<Number *>(result.mutable_data_ptr());
    const int64_t channels = x.size(-1);
    parallel_parts(x.numel() / channels, 64, [&](int64_t begin, int64_t end) {
        std::vector<float> row(channels);
        for (int64_t index = begin; index < end; ++index) {
            widen(from + index * channels, row.data(), channels);
            activate(row.data(), scales.data(), steepness.data(), static_cast<int32_t>(channels));
            narrow(row.data(), to + index * channels, channels);
        }
    });
}

/// `parameters` [parts, 2, channels]: gradients of α and β for each part of the rows.
template <typename Number>
void backward(const at::Tensor &gradients, const at::Tensor &x, const at::Tensor &alpha, const at::Tensor &beta,
              const at::Tensor &x_gradient, const at::Tensor &parameters) {
    const auto scales = singles(alpha), steepness = singles(beta);
    const auto *given = static_cast<const Number *>(gradients.const_data_ptr());
    const auto *from = static_cast<const Number *>(x.const_data_ptr());
    auto *to = static_cast<Number *>(x_gradient.mutable_data_ptr());
    auto *sums = static_cast<float *>(parameters.mutable_data_ptr());
    const int64_t channels = x.size(-1), rows = x.numel() / channels;
    parallel_parts(parameters.size(0), 1, [&](int64_t begin, int64_t end) {
        std::vector<float> row(channels), gradient(channels);
        for (int64_t index = begin * rows_of_part; index < std::min(rows, end * rows_of_part); ++index) {
            float *own = sums + index / rows_of_part * 2 * channels;
            widen(from + index * channels, row.data(), channels);
            widen(given + index * channels, gradient.data(), channels);
            through_activation(gradient.data(), row.data(), scales.data(), steepness.data(), own, own + channels,
                               static_cast<int32_t>(channels));
            narrow(gradient.data(), to + index * channels, channels);
        }
    });
}

struct PSwish : torch::autograd::Function<PSwish> {
    static at::Tensor forward(torch::autograd::AutogradContext *context, const at::Tensor &x, const at::Tensor &alpha,
                              const at::Tensor &beta) {
        const auto input = x.contiguous();
        const auto result = at::empty_like(input);
        if (input.scalar_type() == at::kFloat) ::forward<float>(input, alpha, beta, result);
        else ::forward<at::BFloat16>(input, alpha, beta, result);
        context->save_for_backward({input, alpha, beta});
        return result;
    }

    static torch::autograd::variable_list backward(torch::autograd::AutogradContext *context,
                                                   torch::autograd::variable_list gradients) {
        const auto saved = context->get_saved_variables();
        const auto &x = saved[0];
        const auto gradient = gradients[0].contiguous(), dx = at::empty_like(x);
        const int64_t channels = x.size(-1), rows = x.numel() / channels;
        const auto parameters =
            at::zeros({(rows + rows_of_part - 1) / rows_of_part, 2, channels}, x.options().dtype(at::kFloat));
        if (x.scalar_type() == at::kFloat) ::backward<float>(gradient, x, saved[1], saved[2], dx, parameters);
        else ::backward<at::BFloat16>(gradient, x, saved[1], saved[2], dx, parameters);
        const auto sum = parameters.sum(at::IntArrayRef({0}));
        return {dx, sum.select(0, 0).to(saved[1].scalar_type()), sum.select(0, 1).to(saved[2].scalar_type())};
    }
};

}  // namespace

ctorch_error *ctorch_pswish(const ctorch_tensor *x, const ctorch_tensor *alpha, const ctorch_tensor *beta, ctorch_tensor **out) {
    return guarded([&] {
        const auto input = borrow_tensor(x), scale = borrow_tensor(alpha), steepness = borrow_tensor(beta);
        TORCH_CHECK(input.is_cpu() && input.dim() > 0 && input.size(-1) > 0 &&
                        (input.scalar_type() == at::kFloat || input.scalar_type() == at::kBFloat16),
                    "PSwish: rows in float32 or bfloat16 on the CPU are expected, found ", input.sizes(), " ",
                    input.scalar_type());
        for (const auto &numbers : {scale, steepness})
            TORCH_CHECK(numbers.dim() == 1 && numbers.numel() == input.size(-1), "PSwish: rows of ", input.size(-1),
                        " channels need as many numbers, found ", numbers.sizes());
        *out = export_tensor(PSwish::apply(input, scale, steepness));
    });
}
