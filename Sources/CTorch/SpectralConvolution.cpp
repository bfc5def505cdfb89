// Grouped convolution over time by spectra. As operators of libtorch it is four matrix products with a copy of everything between
// them, and takes its time in the copies; here a stretch of blocks goes the whole way in the processor's own cache. The products
// are oneDNN's.
//
// L frames of a block, K frames of it that are kept, F frequencies; c channels of a group
#include "Guard.hpp"
#include "HalfNumbers.hpp"
#include "Parallel.hpp"
#include "SmallProducts.hpp"

#include <ATen/Functions.h>
#include <torch/csrc/autograd/custom_function.h>

#include <vector>

using namespace ctorch;

namespace {

// libtorch's own typed accessors have other names in another compiler's eyes.
template <typename Number>
const Number *numbers(const at::Tensor &tensor) {
    return static_cast<const Number *>(tensor.const_data_ptr());
}
template <typename Number>
Number *own_numbers(const at::Tensor &tensor) {
    return static_cast<Number *>(tensor.mutable_data_ptr());
}

struct Sizes {
    int64_t rows, frames, inputs, groups, outputs, kept, length, frequencies, padding, result_frames, blocks;
    /// Blocks that go their way together: their spectra take half of a cache of a megabyte.
    int64_t stretch;

    /// x [rows, frames, groups · inputs], factors [F, groups, 2 · inputs, 2 · outputs], forward [2, F, L], backward [2, K, F]
    Sizes(const at::Tensor &x, const at::Tensor &factors, const at::Tensor &forward, const at::Tensor &backward,
          int64_t padding)
        : rows(x.size(0)), frames(x.size(1)), inputs(factors.size(2) / 2), groups(factors.size(1)),
          outputs(factors.size(3) / 2), kept(backward.size(1)), length(forward.size(2)), frequencies(forward.size(1)),
          padding(padding), result_frames(frames + 2 * padding - (length - kept)),
          blocks((result_frames + kept - 1) / kept) {
        const int64_t block_bytes = 4 * frequencies * 2 * (inputs + outputs);
        stretch = std::clamp<int64_t>((600 << 10) / block_bytes, 1, blocks);
        // Stretches of equal length, so that few kinds of products occur.
        const int64_t stretches = (blocks + stretch - 1) / stretch;
        stretch = (blocks + stretches - 1) / stretches;
    }
    int64_t stretches() const { return (blocks + stretch - 1) / stretch; }
    /// Distance of the spectra of neighbouring frequencies; no power of two, whose rows would displace each other.
    int64_t spectrum(int64_t channels) const { return stretch * 2 * channels + 16; }
};

/// `count` rows from `first` of a matrix of `rows` rows, as single numbers; zeros where there are none.
template <typename Number>
void load(const Number *from, int64_t rows, int64_t row_length, int64_t first, int64_t count, int64_t columns, float *to) {
    for (int64_t i = 0; i < count; ++i) {
        const int64_t row = first + i;
        if (row < 0 || row >= rows) std::fill(to + i * columns, to + (i + 1) * columns, 0.0f);
        else widen(from + row * row_length, to + i * columns, columns);
    }
}

/// The spectra of `count` windows of `length` rows, one every `step` rows: [F, count, 2, channels] from `matrix` [2, F, length].
/// The rows of all windows are added up in `sum` [channels], where it is given.
template <typename Number>
void transform(const Number *from, int64_t rows, int64_t row_length, int64_t first, int64_t step, int64_t length,
               int64_t count, int64_t channels, const float *matrix, int64_t frequencies, float *spectra, int64_t distance,
               float *window, float *sum = nullptr) {
    for (int64_t block = 0; block < count; ++block) {
        load(from, rows, row_length, first + block * step, length, channels, window);
        for (int64_t i = 0; sum && i < length; ++i)
            for (int64_t channel = 0; channel < channels; ++channel) sum[channel] += window[i * channels + channel];
        for (int64_t part = 0; part < 2; ++part)
            multiply(frequencies, channels, length, matrix + part * frequencies * length, length, window, channels,
                     spectra + (2 * block + part) * channels, distance);
    }
}

template <typename Number>
void convolve(const Sizes &s, const at::Tensor &x, const at::Tensor &factors, const float *bias, const at::Tensor &forward,
              const at::Tensor &backward, const at::Tensor &result) {
    const auto *from = numbers<Number>(x);
    const auto *weights = numbers<float>(factors);
    const auto *into = numbers<float>(forward), *back = numbers<float>(backward);
    auto *to = own_numbers<Number>(result);
    const int64_t given = s.spectrum(s.inputs), made = s.spectrum(s.outputs), tasks = s.rows * s.stretches();
    // The stretches of a group one after the other: its factors stay in the cache of all cores.
    parallel_parts(s.groups * tasks, 1, [&](int64_t begin, int64_t end) {
        std::vector<float> spectra(s.frequencies * given), products(s.frequencies * made);
        std::vector<float> window(s.length * s.inputs), frames(s.kept * s.outputs);
        for (int64_t task = begin; task < end; ++task) {
            const int64_t group = task / tasks, row = task % tasks / s.stretches();
            const int64_t first = task % s.stretches() * s.stretch, count = std::min(s.stretch, s.blocks - first);
            transform(from + row * s.frames * s.groups * s.inputs + group * s.inputs, s.frames, s.groups * s.inputs,
                      first * s.kept - s.padding, s.kept, s.length, count, s.inputs, into, s.frequencies, spectra.data(),
                      given, window.data());
            for (int64_t f = 0; f < s.frequencies; ++f)
                multiply(count, 2 * s.outputs, 2 * s.inputs, spectra.data() + f * given, 2 * s.inputs,
                         weights + (f * s.groups + group) * 4 * s.inputs * s.outputs, 2 * s.outputs,
                         products.data() + f * made, 2 * s.outputs);
            for (int64_t block = 0; block < count; ++block) {
                for (int64_t part = 0; part < 2; ++part)
                    multiply(s.kept, s.outputs, s.frequencies, back + part * s.kept * s.frequencies, s.frequencies,
                             products.data() + (2 * block + part) * s.outputs, made, frames.data(), s.outputs, part == 1);
                const int64_t place = (first + block) * s.kept;
                for (int64_t i = 0; i < std::min(s.kept, s.result_frames - place); ++i) {
                    float *frame = frames.data() + i * s.outputs;
                    if (bias)
                        for (int64_t j = 0; j < s.outputs; ++j) frame[j] += bias[group * s.outputs + j];
                    narrow(frame, to + ((row * s.result_frames + place + i) * s.groups + group) * s.outputs, s.outputs);
                }
            }
        }
        release_products();
    });
}

/// The adjoint of `convolve`: every product with its matrix transposed, and blocks added up where they overlap.
template <typename Number>
void differentiate(const Sizes &s, const at::Tensor &gradient, const at::Tensor &x, const at::Tensor &factors,
                   const at::Tensor &forward, const at::Tensor &backward, const at::Tensor &x_gradient,
                   const at::Tensor &parts_of_factor_gradient, const at::Tensor &parts_of_bias_gradient) {
    const at::Tensor turned = factors.transpose(2, 3).contiguous();
    const at::Tensor out_of = forward.transpose(1, 2).contiguous(), from_back = backward.transpose(1, 2).contiguous();
    const auto *dy = numbers<Number>(gradient), *from = numbers<Number>(x);
    const auto *weights = numbers<float>(turned), *into = numbers<float>(forward);
    const auto *leave = numbers<float>(out_of), *enter = numbers<float>(from_back);
    auto *dx = x_gradient.defined() ? own_numbers<Number>(x_gradient) : nullptr;
    auto *dfactors = parts_of_factor_gradient.defined() ? own_numbers<float>(parts_of_factor_gradient) : nullptr;
    auto *dbias = own_numbers<float>(parts_of_bias_gradient);
    const int64_t parts = parts_of_bias_gradient.size(0);
    const int64_t rows_of_part = (s.rows + parts - 1) / parts, factor = 4 * s.inputs * s.outputs;
    const int64_t given = s.spectrum(s.inputs), made = s.spectrum(s.outputs);
    parallel_parts(s.groups * parts, 1, [&](int64_t begin, int64_t end) {
        std::vector<float> spectra(s.frequencies * given), gradients(s.frequencies * made), turned_spectra(given);
        std::vector<float> window(s.length * s.inputs), result_window(s.kept * s.outputs);
        std::vector<float> sums(dx ? ((s.blocks - 1) * s.kept + s.length) * s.inputs : 0);
        for (int64_t task = begin; task < end; ++task) {
            const int64_t group = task / parts, part = task % parts;
            for (int64_t row = part * rows_of_part; row < std::min(s.rows, (part + 1) * rows_of_part); ++row) {
                std::fill(sums.begin(), sums.end(), 0.0f);
                for (int64_t first = 0; first < s.blocks; first += s.stretch) {
                    const int64_t count = std::min(s.stretch, s.blocks - first);
                    transform(dy + row * s.result_frames * s.groups * s.outputs + group * s.outputs, s.result_frames,
                              s.groups * s.outputs, first * s.kept, s.kept, s.kept, count, s.outputs, enter, s.frequencies,
                              gradients.data(), made, result_window.data(), dbias + (part * s.groups + group) * s.outputs);
                    if (dfactors) {
                        transform(from + row * s.frames * s.groups * s.inputs + group * s.inputs, s.frames,
                                  s.groups * s.inputs, first * s.kept - s.padding, s.kept, s.length, count, s.inputs, into,
                                  s.frequencies, spectra.data(), given, window.data());
                        for (int64_t f = 0; f < s.frequencies; ++f) {
                            transpose(count, 2 * s.inputs, spectra.data() + f * given, 2 * s.inputs, turned_spectra.data());
                            multiply(2 * s.inputs, 2 * s.outputs, count, turned_spectra.data(), count,
                                     gradients.data() + f * made, 2 * s.outputs,
                                     dfactors + ((part * s.frequencies + f) * s.groups + group) * factor, 2 * s.outputs,
                                     true);
                        }
                    }
                    if (!dx) continue;
                    for (int64_t f = 0; f < s.frequencies; ++f)
                        multiply(count, 2 * s.inputs, 2 * s.outputs, gradients.data() + f * made, 2 * s.outputs,
                                 weights + (f * s.groups + group) * factor, 2 * s.inputs, spectra.data() + f * given,
                                 2 * s.inputs);
                    for (int64_t block = 0; block < count; ++block)
                        for (int64_t part = 0; part < 2; ++part)
                            multiply(s.length, s.inputs, s.frequencies, leave + part * s.length * s.frequencies,
                                     s.frequencies, spectra.data() + (2 * block + part) * s.inputs, given,
                                     sums.data() + (first + block) * s.kept * s.inputs, s.inputs, true);
                }
                if (!dx) continue;
                for (int64_t frame = 0; frame < s.frames; ++frame)
                    narrow(sums.data() + (frame + s.padding) * s.inputs,
                           dx + ((row * s.frames + frame) * s.groups + group) * s.inputs, s.inputs);
            }
        }
        release_products();
    });
}

struct SpectralConvolution : torch::autograd::Function<SpectralConvolution> {
    static at::Tensor forward(torch::autograd::AutogradContext *context, const at::Tensor &x, const at::Tensor &factors,
                              const std::optional<at::Tensor> &bias, const at::Tensor &forward, const at::Tensor &backward,
                              int64_t padding) {
        const auto input = x.contiguous(), weights = factors.contiguous();
        const Sizes sizes(input, weights, forward, backward, padding);
        const auto added = bias ? bias->to(at::kFloat).contiguous() : at::Tensor();
        const float *offsets = bias ? numbers<float>(added) : nullptr;
        const auto result = at::empty({sizes.rows, sizes.result_frames, sizes.groups * sizes.outputs}, input.options());
        if (input.scalar_type() == at::kFloat)
            convolve<float>(sizes, input, weights, offsets, forward, backward, result);
        else
            convolve<at::BFloat16>(sizes, input, weights, offsets, forward, backward, result);
        context->save_for_backward({input, weights, forward, backward});
        context->saved_data["padding"] = padding;
        context->saved_data["bias_type"] = bias ? static_cast<int64_t>(bias->scalar_type()) : int64_t(-1);
        return result;
    }

    static torch::autograd::variable_list backward(torch::autograd::AutogradContext *context,
                                                   torch::autograd::variable_list gradients) {
        const auto saved = context->get_saved_variables();
        const auto &x = saved[0], &factors = saved[1];
        const Sizes sizes(x, factors, saved[2], saved[3], context->saved_data["padding"].toInt());
        const auto gradient = gradients[0].contiguous();
        // Each group is the work of one thread; with more threads than groups, it is divided once more.
        const int64_t parts = std::clamp<int64_t>(2 * at::get_num_threads() / sizes.groups, 1, sizes.rows);
        at::Tensor dx, dfactors, dbias = at::zeros({parts, sizes.groups * sizes.outputs}, factors.options());
        if (context->needs_input_grad(0)) dx = at::empty_like(x);
        if (context->needs_input_grad(1))
            dfactors = at::zeros({parts, factors.size(0), factors.size(1), factors.size(2), factors.size(3)}, factors.options());
        if (x.scalar_type() == at::kFloat)
            differentiate<float>(sizes, gradient, x, factors, saved[2], saved[3], dx, dfactors, dbias);
        else
            differentiate<at::BFloat16>(sizes, gradient, x, factors, saved[2], saved[3], dx, dfactors, dbias);
        if (dfactors.defined()) dfactors = parts == 1 ? dfactors.squeeze(0) : dfactors.sum(at::IntArrayRef({0}));
        const int64_t bias_type = context->saved_data["bias_type"].toInt();
        dbias = bias_type >= 0 ? dbias.sum(at::IntArrayRef({0})).to(static_cast<at::ScalarType>(bias_type)) : at::Tensor();
        return {dx, dfactors, dbias, at::Tensor(), at::Tensor(), at::Tensor()};
    }
};

}  // namespace

ctorch_error *ctorch_spectral_convolution(const ctorch_tensor *x, const ctorch_tensor *factors, const ctorch_tensor *bias,
                                          const ctorch_tensor *forward, const ctorch_tensor *backward, int64_t padding,
                                          ctorch_tensor **out) {
    return guarded([&] {
        const auto frames = borrow_tensor(x), weights = borrow_tensor(factors);
        const auto into = borrow_tensor(forward).contiguous(), back = borrow_tensor(backward).contiguous();
        TORCH_CHECK(frames.is_cpu() && frames.dim() == 3 &&
                        (frames.scalar_type() == at::kFloat || frames.scalar_type() == at::kBFloat16),
                    "spectral convolution: frames [B, T, C] in float32 or bfloat16 on the CPU are expected, found ",
                    frames.sizes(), " ", frames.scalar_type());
        TORCH_CHECK(into.dim() == 3 && into.size(0) == 2 && back.dim() == 3 && back.size(0) == 2 &&
                        back.size(2) == into.size(1) && back.size(1) <= into.size(2),
                    "spectral convolution: transforms [2, F, L] and [2, K, F] are expected, found ", into.sizes(), " and ",
                    back.sizes());
        TORCH_CHECK(weights.dim() == 4 && weights.size(0) == into.size(1) && weights.size(2) % 2 == 0 &&
                        weights.size(3) % 2 == 0 && weights.size(1) * weights.size(2) == 2 * frames.size(2),
                    "spectral convolution: factors [F, G, 2 · in, 2 · out] are expected, found ", weights.sizes());
        for (const auto &tensor : {weights, into, back})
            TORCH_CHECK(tensor.is_cpu() && tensor.scalar_type() == at::kFloat,
                        "spectral convolution: factors and transforms are to be in float32, found ", tensor.scalar_type());
        TORCH_CHECK(padding >= 0 && frames.size(0) > 0 && frames.size(1) + 2 * padding > into.size(2) - back.size(1),
                    "spectral convolution: ", frames.size(1), " frames are fewer than the taps");
        const auto offsets = bias ? std::optional(borrow_tensor(bias)) : std::nullopt;
        TORCH_CHECK(!offsets || offsets->numel() == weights.size(1) * weights.size(3) / 2,
                    "spectral convolution: a number for every output is expected as bias");
        *out = export_tensor(SpectralConvolution::apply(frames, weights, offsets, into, back, padding));
    });
}
