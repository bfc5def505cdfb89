// Layer norm, and the GELU behind it in the same pass. libtorch makes one pass over memory for each, and two more where bfloat16 is
// to be normed in float32; and the gradients of scale and shift it adds up in bfloat16 then, a tenth off over 16,000 rows. Here they
// are added up in float32, in an order that is the same for any number of threads.
#include "Elementary.hpp"
#include "Guard.hpp"
#include "HalfNumbers.hpp"
#include "Parallel.hpp"

#include <ATen/Functions.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>
#include <vector>

using namespace ctorch;

namespace {

constexpr int32_t lanes = 16;
constexpr int64_t rows_of_part = 256;

/// A row becomes (row - mean) / deviation; returns 1 / deviation.
__attribute__((target_clones("avx512f", "avx2", "default"))) float normalize(float *__restrict row, int32_t count, float epsilon) {
    float sums[lanes] = {}, squares[lanes] = {};
    const int32_t whole = count / lanes * lanes;
    for (int32_t i = 0; i < whole; i += lanes)
        for (int32_t lane = 0; lane < lanes; ++lane) sums[lane] += row[i + lane];
    for (int32_t i = whole; i < count; ++i) sums[i - whole] += row[i];
    float sum = 0;
    for (int32_t lane = 0; lane < lanes; ++lane) sum += sums[lane];
    const float mean = sum / static_cast<float>(count);
    for (int32_t i = 0; i < whole; i += lanes)
        for (int32_t lane = 0; lane < lanes; ++lane) {
            row[i + lane] -= mean;
            squares[lane] += row[i + lane] * row[i + lane];
        }
    for (int32_t i = whole; i < count; ++i) {
        row[i] -= mean;
        squares[i - whole] += row[i] * row[i];
    }
    float square = 0;
    for (int32_t lane = 0; lane < lanes; ++lane) square += squares[lane];
    const float inverse = 1 / std::sqrt(square / static_cast<float>(count) + epsilon);
    for (int32_t i = 0; i < count; ++i) row[i] *= inverse;
    return inverse;
}

__attribute__((target_clones("avx512f", "avx2", "default"))) void scale_and_shift(
    float *__restrict row, const float *__restrict scale, const float *__restrict shift, int32_t count) {
    for (int32_t i = 0; i < count; ++i) row[i] = row[i] * scale[i] + shift[i];
}

inline float bell(float x) { return exponential(-0.5f * x * x); }

__attribute__((target_clones("avx512f", "avx2", "default"))) void gelu(float *__restrict row, int32_t count) {
    for (int32_t i = 0; i < count; ++i) row[i] *= normal_share(row[i], bell(row[i]));
}

/// The gradient of GELU's result becomes that of x = row · scale + shift.
__attribute__((target_clones("avx512f", "avx2", "default"))) void through_gelu(
    float *__restrict gradient, const float *__restrict row, const float *__restrict scale, const float *__restrict shift,
    int32_t count) {
    for (int32_t i = 0; i < count; ++i) {
        const float x = row[i] * scale[i] + shift[i];
        gradient[i] *= normal_share(x, bell(x)) + x * 0.39894228f * bell(x);
    }
}

__attribute__((target_clones("avx512f", "avx2", "default"))) void add_up(
    const float *__restrict gradient, const float *__restrict row, float *__restrict scale, float *__restrict shift,
    int32_t count) {
    for (int32_t i = 0; i < count; ++i) {
        scale[i] += gradient[i] * row[i];
        shift[i] += gradient[i];
    }
}

/// The gradient of row · scale becomes that of what was normed to `row`.
__attribute__((target_clones("avx512f", "avx2", "default"))) void through_norm(
    float *__restrict gradient, const float *__restrict row, const float *__restrict scale, float inverse, int32_t count) {
    float sums[lanes] = {}, products[lanes] = {};
    const int32_t whole = count / lanes * lanes;
    for (int32_t i = 0; i < count; ++i) gradient[i] *= scale[i];
    for (int32_t i = 0; i < whole; i += lanes)
        for (int32_t lane = 0; lane < lanes; ++lane) {
            sums[lane] += gradient[i + lane];
            products[lane] += gradient[i + lane] * row[i + lane];
        }
    for (int32_t i = whole; i < count; ++i) {
        sums[i - whole] += gradient[i];
        products[i - whole] += gradient[i] * row[i];
    }
    float sum = 0, product = 0;
    for (int32_t lane = 0; lane < lanes; ++lane) {
        sum += sums[lane];
        product += products[lane];
    }
    sum /= static_cast<float>(count);
    product /= static_cast<float>(count);
    for (int32_t i = 0; i < count; ++i) gradient[i] = (gradient[i] - sum - row[i] * product) * inverse;
}

struct Norm {
    int64_t rows, size;
    float epsilon;
    bool activates;
    /// Scale and shift in float32; 1 and 0 where there are none.
    std::vector<float> scale, shift;

    Norm(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias, double epsilon, bool activates)
        : rows(x.numel() / std::max<int64_t>(x.size(-1), 1)), size(x.size(-1)), epsilon(static_cast<float>(epsilon)),
          activates(activates), scale(weight.defined() ? singles(weight) : std::vector<float>(size, 1.0f)),
          shift(bias.defined() ? singles(bias) : std::vector<float>(size, 0.0f)) {}

    template <typename Number>
    void forward(const void *from, void *to) const {
        parallel_parts(rows, 16, [&](int64_t begin, int64_t end) {
            std::vector<float> row(size);
            for (int64_t index = begin; index < end; ++index) {
                widen(static_cast<const Number *>(from) + index * size, row.data(), size);
                normalize(row.data(), static_cast<int32_t>(size), epsilon);
                scale_and_shift(row.data(), scale.data(), shift.data(), static_cast<int32_t>(size));
                if (activates) gelu(row.data(), static_cast<int32_t>(size));
                narrow(row.data(), static_cast<Number *>(to) + index * size, size);
            }
        });
    }

    int64_t parts() const { return (rows + rows_of_part - 1) / rows_of_part; }

    /// Gradients of x, where `to` is given, and of scale and shift for each part of the rows, [parts, 2, size].
    template <typename Number>
    void backward(const void *gradients, const void *from, void *to, float *parameters) const {
        parallel_parts(parts(), 1, [&](int64_t begin, int64_t end) {
            std::vector<float> row(size), gradient(size);
            const auto count = static_cast<int32_t>(size);
            for (int64_t index = begin * rows_of_part; index < std::min(rows, end * rows_of_part); ++index) {
                widen(static_cast<const Number *>(from) + index * size, row.data(), size);
                widen(static_cast<const Number *>(gradients) + index * size, gradient.data(), size);
                const float inverse = normalize(row.data(), count, epsilon);
                if (activates) through_gelu(gradient.data(), row.data(), scale.data(), shift.data(), count);
                if (parameters) {
                    float *own = parameters + index / rows_of_part * 2 * size;
                    add_up(gradient.data(), row.data(), own, own + size, count);
                }
                if (!to) continue;
                through_norm(gradient.data(), row.data(), scale.data(), inverse, count);
                narrow(gradient.data(), static_cast<Number *>(to) + index * size, size);
            }
        });
    }
};

struct LayerNorm : torch::autograd::Function<LayerNorm> {
    static at::Tensor forward(torch::autograd::AutogradContext *context, const at::Tensor &x,
                              const std::optional<at::Tensor> &weight, const std::optional<at::Tensor> &bias, double epsilon,
                              bool activates) {
        const auto input = x.contiguous();
        const auto scale = weight.value_or(at::Tensor()), shift = bias.value_or(at::Tensor());
        const Norm norm(input, scale, shift, epsilon, activates);
        const auto result = at::empty_like(input);
        if (input.scalar_type() == at::kFloat) norm.forward<float>(input.const_data_ptr(), result.mutable_data_ptr());
        else norm.forward<at::BFloat16>(input.const_data_ptr(), result.mutable_data_ptr());
        context->save_for_backward({input, scale, shift});
        context->saved_data["epsilon"] = epsilon;
        context->saved_data["activates"] = activates;
        return result;
    }

    static torch::autograd::variable_list backward(torch::autograd::AutogradContext *context,
                                                   torch::autograd::variable_list gradients) {
        const auto saved = context->get_saved_variables();
        const auto &x = saved[0];
        const Norm norm(x, saved[1], saved[2], context->saved_data["epsilon"].toDouble(),
                        context->saved_data["activates"].toBool());
        const auto gradient = gradients[0].contiguous();
        at::Tensor dx, parameters;
        if (context->needs_input_grad(0)) dx = at::empty_like(x);
        // Inputs that are not there have no number.
        const bool needs_scale = saved[1].defined() && context->needs_input_grad(1);
        const bool needs_shift = saved[2].defined() && context->needs_input_grad(saved[1].defined() ? 2 : 1);
        if (needs_scale || needs_shift)
            parameters = at::zeros({norm.parts(), 2, norm.size}, x.options().dtype(at::kFloat));
        void *to = dx.defined() ? dx.mutable_data_ptr() : nullptr;
        auto *sums = parameters.defined() ? static_cast<float *>(parameters.mutable_data_ptr()) : nullptr;
        if (x.scalar_type() == at::kFloat)
            norm.backward<float>(gradient.const_data_ptr(), x.const_data_ptr(), to, sums);
        else
            norm.backward<at::BFloat16>(gradient.const_data_ptr(), x.const_data_ptr(), to, sums);
        at::Tensor dweight, dbias;
        if (parameters.defined()) {
            const auto sum = parameters.sum(at::IntArrayRef({0}));
            if (needs_scale) dweight = sum.select(0, 0).to(saved[1].scalar_type());
            if (needs_shift) dbias = sum.select(0, 1).to(saved[2].scalar_type());
        }
        return {dx, dweight, dbias, at::Tensor(), at::Tensor()};
    }
};

}  // namespace

ctorch_error *ctorch_layer_norm(const ctorch_tensor *x, const ctorch_tensor *weight, const ctorch_tensor *bias, double epsilon,
                                bool gelu, ctorch_tensor **out) {
    return guarded([&] {
        const auto input = borrow_tensor(x);
        TORCH_CHECK(input.is_cpu() && input.dim() > 0 &&
                        (input.scalar_type() == at::kFloat || input.scalar_type() == at::kBFloat16),
                    "layer norm: rows in float32 or bfloat16 on the CPU are expected, found ", input.sizes(), " ",
                    input.scalar_type());
        std::optional<at::Tensor> scale, shift;
        if (weight) scale = borrow_tensor(weight);
        if (bias) shift = borrow_tensor(bias);
        for (const auto &numbers : {scale, shift})
            TORCH_CHECK(!numbers || numbers->numel() == input.size(-1), "layer norm: rows of ", input.size(-1),
                        " numbers need as many for scale and shift, found ", numbers ? numbers->numel() : 0);
        *out = export_tensor(LayerNorm::apply(input, scale, shift, epsilon, gelu));
    });
}
