// Attention with a penalty on distance, without gradients. As operators of libtorch it is products too small for several threads,
// with as much time between them as in the short ones; here a block of queries goes its whole way on one thread, its scores in the
// processor's own cache.
//
// A block looks only as far as it must. A head of strength s gives a frame at distance c at most the share exp(2m - s c), where m
// bounds the scores: the longest query of the block times the longest key of the head. Where all frames beyond c together stay
// below the last bit of float32 they are left out, and the result is that of all frames.
//
// N frames, d channels of a head
#include "DistanceSoftmax.hpp"
#include "Guard.hpp"
#include "HalfNumbers.hpp"
#include "Parallel.hpp"
#include "SmallProducts.hpp"

#include <ATen/Functions.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <vector>

using namespace ctorch;

namespace {

constexpr int64_t block_frames = 64;
constexpr int32_t lanes = 16;

/// The greatest sum of squares of `rows` rows of channels; where one is no number, it.
template <typename Bits>
[[gnu::always_inline]] inline float greatest_square(const Bits *__restrict from, int64_t rows, int64_t row_length, int32_t channels) {
    float top = 0;
    for (int64_t row = 0; row < rows && top == top; ++row, from += row_length) {
        float sums[lanes] = {}, square = 0;
        const int32_t whole = channels / lanes * lanes;
        for (int32_t i = 0; i < whole; i += lanes)
            for (int32_t lane = 0; lane < lanes; ++lane) sums[lane] += single(from[i + lane]) * single(from[i + lane]);
        for (int32_t i = whole; i < channels; ++i) square += single(from[i]) * single(from[i]);
        for (int32_t lane = 0; lane < lanes; ++lane) square += sums[lane];
        top = square <= top ? top : square;
    }
    return top;
}

__attribute__((target_clones("avx512f", "avx2", "default"))) float longest(
    const float *from, int64_t rows, int64_t row_length, int64_t channels) {
    return std::sqrt(greatest_square(from, rows, row_length, static_cast<int32_t>(channels)));
}
__attribute__((target_clones("avx512f", "avx2", "default"))) float longest_half(
    const uint16_t *from, int64_t rows, int64_t row_length, int64_t channels) {
    return std::sqrt(greatest_square(from, rows, row_length, static_cast<int32_t>(channels)));
}
float longest(const at::BFloat16 *from, int64_t rows, int64_t row_length, int64_t channels) {
    return longest_half(reinterpret_cast<const uint16_t *>(from), rows, row_length, channels);
}

/// Two rows of values, or one and zeros, number by number as pairs.
__attribute__((target_clones("avx512f", "avx2", "default"))) void pair_up(
    const uint16_t *__restrict first, const uint16_t *__restrict second, int64_t count, uint32_t *__restrict pairs) {
    for (int64_t i = 0; i < count; ++i)
        pairs[i] = first[i] | (second ? static_cast<uint32_t>(second[i]) << 16 : 0);
}

/// How far a head of this strength sees with scores up to `bound`; whole steps, so that few kinds of products occur.
int64_t reach(double strength, double bound, int64_t frames) {
    const double far = (2 * bound + std::log(static_cast<double>(frames) * 0x1p24)) / strength;
    if (!(far >= 0 && far < static_cast<double>(frames))) return frames;  // also where a score is no number
    return std::min(frames, (static_cast<int64_t>(far) / 64 + 1) * 64);
}

/// One tensor of heads [B, H, N, d] whose channels lie together.
template <typename Number>
struct Heads {
    const Number *data;
    int64_t clip, head, frame;

    explicit Heads(const at::Tensor &tensor)
        : data(static_cast<const Number *>(tensor.const_data_ptr())), clip(tensor.stride(0)), head(tensor.stride(1)),
          frame(tensor.stride(2)) {}
    const Number *operator()(int64_t row, int64_t index) const { return data + row * clip + index * head; }
};

/// Keys and values of a head in the order in which the products take them: keys channel by channel, values as they are.
struct Single {
    using Number = float;
    static int64_t key_count(int64_t frames, int64_t channels) { return frames * channels; }
    static int64_t value_count(int64_t, int64_t) { return 0; }
    static void order(const float *key, int64_t key_row, const float *, int64_t, int64_t frames, int64_t channels, float *keys,
                      float *) {
        transpose(frames, channels, key, key_row, keys);
    }
    static void score(int64_t count, int64_t width, int64_t channels, const float *query, int64_t query_row,
                      const float *keys, int64_t nearest, int64_t frames, float *scores, int64_t scores_row) {
        multiply(count, width, channels, query, query_row, keys + nearest, frames, scores, scores_row);
    }
    static float weigh(float *scores, float *, int64_t from, int64_t width, int64_t place, float scale, float strength) {
        return distance_weights(scores + from, width, place, scale, strength);
    }
    static void mix(int64_t count, int64_t width, int64_t channels, const float *weights, const float *, int64_t weights_row,
                    const float *value, int64_t value_row, const float *, int64_t nearest, float *sums) {
        multiply(count, channels, width, weights, weights_row, value + nearest * value_row, value_row, sums, channels);
    }
};

/// The same in bfloat16, where a product takes two numbers of a column at a time: keys in pairs of channels, values in pairs of
/// frames.
struct Half {
    using Number = at::BFloat16;
    static int64_t key_count(int64_t frames, int64_t channels) { return frames * channels; }
    static int64_t value_count(int64_t frames, int64_t channels) { return (frames + 1) / 2 * 2 * channels; }
    static void order(const Number *key, int64_t key_row, const Number *value, int64_t value_row, int64_t frames,
                      int64_t channels, Number *keys, Number *values) {
        // A pair of channels is moved as one number of 32 bits.
        transpose(frames, channels / 2, reinterpret_cast<const uint32_t *>(key), key_row / 2,
                  reinterpret_cast<uint32_t *>(keys));
        for (int64_t frame = 0; frame < frames; frame += 2) {
            const auto *first = reinterpret_cast<const uint16_t *>(value + frame * value_row);
            pair_up(first, frame + 1 < frames ? first + value_row : nullptr, channels,
                    reinterpret_cast<uint32_t *>(values + frame * channels));
        }
    }
    static void score(int64_t count, int64_t width, int64_t channels, const Number *query, int64_t query_row,
                      const Number *keys, int64_t nearest, int64_t frames, float *scores, int64_t scores_row) {
        multiply_pairs(count, width, channels, query, query_row, keys + 2 * nearest, frames, scores, scores_row);
    }
    static float weigh(float *scores, Number *halves, int64_t from, int64_t width, int64_t place, float scale, float strength) {
        return distance_weights(scores + from, width, place, scale, strength, halves + from);
    }
    static void mix(int64_t count, int64_t width, int64_t channels, const float *, const Number *halves, int64_t weights_row,
                    const Number *, int64_t, const Number *values, int64_t nearest, float *sums) {
        // Behind the last frame there is a weight of 0.
        multiply_pairs(count, channels, width + width % 2, halves, weights_row, values + nearest * channels, channels, sums,
                       channels);
    }
};

template <typename Way>
void attend(const at::Tensor &query, const at::Tensor &key, const at::Tensor &value, const float *strengths,
            const at::Tensor &mixed) {
    using Number = typename Way::Number;
    const int64_t clips = query.size(0), heads = query.size(1), frames = query.size(2), channels = query.size(3);
    const float scale = 1 / std::sqrt(static_cast<float>(channels));
    const Heads<Number> queries(query), keys(key), values(value);
    auto *out = static_cast<Number *>(mixed.mutable_data_ptr());
    const int64_t key_count = Way::key_count(frames, channels), value_count = Way::value_count(frames, channels);
    const auto ordered = at::empty({clips * heads, key_count + value_count}, query.options());
    auto *order = static_cast<Number *>(ordered.mutable_data_ptr());
    const int64_t blocks = (frames + block_frames - 1) / block_frames;
    struct Task {
        int64_t clip, head, block, reach;
    };
    std::vector<Task> tasks(clips * heads * blocks);
    parallel_parts(clips * heads, 1, [&](int64_t begin, int64_t end) {
        for (int64_t index = begin; index < end; ++index) {
            const int64_t clip = index / heads, head = index % heads;
            Number *own = order + index * (key_count + value_count);
            Way::order(keys(clip, head), keys.frame, values(clip, head), values.frame, frames, channels, own, own + key_count);
            const float longest_key = longest(keys(clip, head), frames, keys.frame, channels);
            for (int64_t block = 0; block < blocks; ++block) {
                const int64_t first = block * block_frames, count = std::min(block_frames, frames - first);
                const float longest_query = longest(queries(clip, head) + first * queries.frame, count, queries.frame, channels);
                tasks[index * blocks + block] = {clip, head, block,
                                                 reach(strengths[head], scale * longest_query * longest_key, frames)};
            }
        }
    });

    // The far ones first, so that no thread is left with a long one at the end.
    std::stable_sort(tasks.begin(), tasks.end(), [](const Task &a, const Task &b) { return a.reach > b.reach; });
    std::atomic<size_t> next{0};
    parallel_parts(at::get_num_threads(), 1, [&](int64_t, int64_t) {
        const int64_t row_length = softmax_room(frames);
        std::vector<float> scores(block_frames * row_length), sums(block_frames * channels), totals(block_frames);
        std::vector<Number> halves(std::is_same_v<Number, float> ? 0 : block_frames * row_length);
        for (size_t index; (index = next++) < tasks.size();) {
            const auto [clip, head, block, reach] = tasks[index];
            const int64_t first = block * block_frames, count = std::min(block_frames, frames - first);
            // Pairs of frames begin at even ones.
            const int64_t nearest = std::max<int64_t>(0, first - reach) / 2 * 2;
            const int64_t width = std::min(frames, first + count + reach) - nearest;
            const int64_t padded = softmax_room(width);
            const Number *own = order + (clip * heads + head) * (key_count + value_count);
            Way::score(count, width, channels, queries(clip, head) + first * queries.frame, queries.frame, own, nearest,
                       frames, scores.data(), padded);
            for (int64_t i = 0; i < count; ++i)
                totals[i] = Way::weigh(scores.data(), halves.data(), i * padded, width, first - nearest + i, scale,
                                       strengths[head]);
            Way::mix(count, width, channels, scores.data(), halves.data(), padded, values(clip, head), values.frame,
                     own + key_count, nearest, sums.data());
            for (int64_t i = 0; i < count; ++i) {
                float *row = sums.data() + i * channels;
                const float share = 1 / totals[i];
                for (int64_t channel = 0; channel < channels; ++channel) row[channel] *= share;
                narrow(row, out + ((clip * frames + first + i) * heads + head) * channels, channels);
            }
        }
        release_products();
    });
}

}  // namespace

ctorch_error *ctorch_distance_attention(const ctorch_tensor *query, const ctorch_tensor *key, const ctorch_tensor *value,
                                        const float *strengths, ctorch_tensor **out) {
    return guarded([&] {
        std::vector<at::Tensor> parts;
        for (const auto *part : {query, key, value}) {
            auto tensor = borrow_tensor(part);
            TORCH_CHECK(tensor.is_cpu() && tensor.dim() == 4 && !tensor.requires_grad() &&
                            (parts.empty() || (tensor.sizes() == parts[0].sizes() &&
                                               tensor.scalar_type() == parts[0].scalar_type())),
                        "distance attention: three tensors of one shape [B, H, N, d] on the CPU without gradients are expected, "
                        "found ", tensor.sizes());
            // Pairs of bfloat16 are read as one number.
            parts.push_back(tensor.stride(3) == 1 && tensor.stride(2) % 2 == 0 ? tensor : tensor.contiguous());
        }
        const auto type = parts[0].scalar_type();
        TORCH_CHECK(type == at::kFloat || (type == at::kBFloat16 && parts[0].size(3) % 2 == 0),
                    "distance attention: float32, or bfloat16 with an even number of channels, is expected, found ", type, " ",
                    parts[0].sizes());
        const auto &sizes = parts[0].sizes();
        const auto mixed = at::empty({sizes[0], sizes[2], sizes[1], sizes[3]}, parts[0].options());
        if (type == at::kFloat) attend<Single>(parts[0], parts[1], parts[2], strengths, mixed);
        else attend<Half>(parts[0], parts[1], parts[2], strengths, mixed);
        *out = export_tensor(mixed.transpose(1, 2));
    });
}

bool ctorch_has_pairs(void) { return has_pairs(); }
