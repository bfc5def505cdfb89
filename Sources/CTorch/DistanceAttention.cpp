// Attention with a penalty on distance, without gradients. As operators of libtorch it is products too small for several threads,
// with as much time between them as in the short ones; here a block of queries goes its whole way on one thread, its scores in the
// processor's own cache.
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

constexpr int64_t block_frames = 128;

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
    static void mix(int64_t count, int64_t width, int64_t channels, const float *weights, int64_t weights_row, float *,
                    const float *value, int64_t value_row, const float *, int64_t nearest, float *, float *to, int64_t to_row) {
        multiply(count, channels, width, weights, weights_row, value + nearest * value_row, value_row, to, to_row);
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
        for (int64_t frame = 0; frame < frames + frames % 2; ++frame)
            for (int64_t channel = 0; channel < channels; ++channel)
                values[(frame / 2 * channels + channel) * 2 + frame % 2] =
                    frame < frames ? value[frame * value_row + channel] : Number(0);
    }
    static void score(int64_t count, int64_t width, int64_t channels, const Number *query, int64_t query_row,
                      const Number *keys, int64_t nearest, int64_t frames, float *scores, int64_t scores_row) {
        multiply_pairs(count, width, channels, query, query_row, keys + 2 * nearest, frames, scores, scores_row);
    }
    static void mix(int64_t count, int64_t width, int64_t channels, const float *weights, int64_t weights_row, Number *halves,
                    const Number *, int64_t, const Number *values, int64_t nearest, float *sums, Number *to, int64_t to_row) {
        narrow(weights, halves, count * weights_row);
        // Behind the last frame there is a weight of 0.
        multiply_pairs(count, channels, width + width % 2, halves, weights_row, values + nearest * channels, channels, sums,
                       channels);
        for (int64_t i = 0; i < count; ++i) narrow(sums + i * channels, to + i * to_row, channels);
    }
};

template <typename Way>
void attend(const at::Tensor &query, const at::Tensor &key, const at::Tensor &value, const float *strengths,
            const int64_t *reaches, const at::Tensor &mixed) {
    using Number = typename Way::Number;
    const int64_t clips = query.size(0), heads = query.size(1), frames = query.size(2), channels = query.size(3);
    const float scale = 1 / std::sqrt(static_cast<float>(channels));
    const Heads<Number> queries(query), keys(key), values(value);
    auto *out = static_cast<Number *>(mixed.mutable_data_ptr());
    const int64_t key_count = Way::key_count(frames, channels), value_count = Way::value_count(frames, channels);
    const auto ordered = at::empty({clips * heads, key_count + value_count}, query.options());
    auto *order = static_cast<Number *>(ordered.mutable_data_ptr());
    parallel_parts(clips * heads, 1, [&](int64_t begin, int64_t end) {
        for (int64_t index = begin; index < end; ++index) {
            Number *own = order + index * (key_count + value_count);
            Way::order(keys(index / heads, index % heads), keys.frame, values(index / heads, index % heads), values.frame,
                       frames, channels, own, own + key_count);
        }
    });

    // The heads that see farthest first, so that no thread is left with a long one at the end.
    std::vector<int64_t> far_first(heads);
    for (int64_t head = 0; head < heads; ++head) far_first[head] = head;
    std::stable_sort(far_first.begin(), far_first.end(), [&](int64_t a, int64_t b) { return reaches[a] > reaches[b]; });
    const int64_t blocks = (frames + block_frames - 1) / block_frames, tasks = heads * clips * blocks;
    const int64_t row_length = softmax_room(frames);
    std::atomic<int64_t> next{0};
    parallel_parts(at::get_num_threads(), 1, [&](int64_t, int64_t) {
        std::vector<float> scores(block_frames * row_length), sums(block_frames * channels);
        std::vector<Number> halves(std::is_same_v<Number, float> ? 0 : block_frames * row_length);
        for (int64_t task; (task = next++) < tasks;) {
            const int64_t head = far_first[task / (clips * blocks)], clip = task / blocks % clips;
            const int64_t first = task % blocks * block_frames, count = std::min(block_frames, frames - first);
            // Pairs of frames begin at even ones.
            const int64_t nearest = std::max<int64_t>(0, first - reaches[head]) / 2 * 2;
            const int64_t width = std::min(frames, first + count + reaches[head]) - nearest;
            const int64_t padded = softmax_room(width);
            const Number *own = order + (clip * heads + head) * (key_count + value_count);
            Way::score(count, width, channels, queries(clip, head) + first * queries.frame, queries.frame, own, nearest,
                       frames, scores.data(), padded);
            for (int64_t i = 0; i < count; ++i)
                distance_softmax(scores.data() + i * padded, width, first - nearest + i, scale, strengths[head]);
            Way::mix(count, width, channels, scores.data(), padded, halves.data(), values(clip, head), values.frame,
                     own + key_count, nearest, sums.data(), out + ((clip * frames + first) * heads + head) * channels,
                     heads * channels);
        }
        release_products();
    });
}

}  // namespace

ctorch_error *ctorch_distance_attention(const ctorch_tensor *query, const ctorch_tensor *key, const ctorch_tensor *value,
                                        const float *strengths, const int64_t *reaches, ctorch_tensor **out) {
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
        if (type == at::kFloat) attend<Single>(parts[0], parts[1], parts[2], strengths, reaches, mixed);
        else attend<Half>(parts[0], parts[1], parts[2], strengths, reaches, mixed);
        *out = export_tensor(mixed.transpose(1, 2));
    });
}

bool ctorch_has_pairs(void) { return has_pairs(); }
