// Scores of attention to weights, with a penalty on distance. libtorch needs several passes over all scores for this, in float32
// also where they are bfloat16; here each row stays in the processor's first cache.
#include "DistanceSoftmax.hpp"
#include "Elementary.hpp"
#include "Guard.hpp"
#include "HalfNumbers.hpp"
#include "Parallel.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

using namespace ctorch;

namespace {

constexpr int64_t lanes = 16;
static_assert(softmax_room(1) == lanes);

/// `row` and `weights` are the same or have nothing in common.
template <typename Bits>
[[gnu::always_inline]] inline float weigh(float *row, int32_t count, int32_t place, float scale, float strength, Bits *weights) {
    float largest[lanes], sums[lanes];
    for (int64_t lane = 0; lane < lanes; ++lane) { largest[lane] = -std::numeric_limits<float>::infinity(); sums[lane] = 0; }
    for (int32_t i = 0; i < count; i += lanes)
        for (int32_t lane = 0; lane < lanes; ++lane) {
            const float distance = std::fabs(static_cast<float>(place - i - lane));
            const float score = row[i + lane] * scale - strength * distance;
            row[i + lane] = score;
            largest[lane] = score > largest[lane] ? score : largest[lane];
        }
    float top = largest[0];
    for (int64_t lane = 1; lane < lanes; ++lane) top = largest[lane] > top ? largest[lane] : top;
    for (int32_t i = 0; i < count; i += lanes)
        for (int32_t lane = 0; lane < lanes; ++lane) {
            const float weight = exponential(row[i + lane] - top);
            put(weight, weights[i + lane]);
            sums[lane] += weight;
        }
    float sum = 0;
    for (int64_t lane = 0; lane < lanes; ++lane) sum += sums[lane];
    return sum;
}

__attribute__((target_clones("avx512f", "avx2", "default"))) float weigh_in_place(
    float *row, int32_t count, int32_t place, float scale, float strength) {
    return weigh(row, count, place, scale, strength, row);
}
// Only where `has_pairs`.
__attribute__((target("avx512f,avx512vl,avx512bf16"))) float weigh_to_half(
    float *__restrict row, int32_t count, int32_t place, float scale, float strength, __bf16 *__restrict weights) {
    return weigh(row, count, place, scale, strength, weights);
}

__attribute__((target_clones("avx512f", "avx2", "default"))) void scale_row(float *row, int64_t count, float factor) {
    for (int64_t i = 0; i < count; ++i) row[i] *= factor;
}

/// Fills the room behind a row of scores, and returns it.
int32_t fill_room(float *row, int64_t count) {
    const int64_t room = softmax_room(count);
    std::fill(row + count, row + room, -std::numeric_limits<float>::infinity());
    return static_cast<int32_t>(room);
}

template <typename Number>
void softmax_rows(Number *data, int64_t rows, int64_t width, int64_t first_place, double scale, double strength) {
    parallel_parts(rows, 16, [&](int64_t begin, int64_t end) {
        std::vector<float> row(softmax_room(width));
        for (int64_t index = begin; index < end; ++index) {
            widen(data + index * width, row.data(), width);
            distance_softmax(row.data(), width, first_place + index, static_cast<float>(scale),
                             static_cast<float>(strength));
            narrow(row.data(), data + index * width, width);
        }
    });
}

}  // namespace

float ctorch::distance_weights(float *row, int64_t count, int64_t place, float scale, float strength) {
    return weigh_in_place(row, fill_room(row, count), static_cast<int32_t>(place), scale, strength);
}

float ctorch::distance_weights(float *row, int64_t count, int64_t place, float scale, float strength, at::BFloat16 *weights) {
    return weigh_to_half(row, fill_room(row, count), static_cast<int32_t>(place), scale, strength,
                         reinterpret_cast<__bf16 *>(weights));
}

void ctorch::distance_softmax(float *row, int64_t count, int64_t place, float scale, float strength) {
    scale_row(row, count, 1 / distance_weights(row, count, place, scale, strength));
}

ctorch_error *ctorch_distance_softmax(ctorch_tensor *scores, int64_t first_place, double scale, double strength) {
    return guarded([&] {
        auto tensor = borrow_tensor(scores);
        TORCH_CHECK(tensor.is_cpu() && tensor.dim() == 2 && tensor.is_contiguous() && !tensor.requires_grad(),
                    "distance softmax: a contiguous matrix on the CPU without gradients is expected, found ", tensor.sizes());
        const auto type = tensor.scalar_type();
        TORCH_CHECK(type == at::kFloat || type == at::kBFloat16 || type == at::kHalf,
                    "distance softmax: ", type, " is neither float32 nor half of it");
        const int64_t rows = tensor.size(0), width = tensor.size(1);
        if (type == at::kFloat)
            softmax_rows(static_cast<float *>(tensor.data_ptr()), rows, width, first_place, scale, strength);
        else if (type == at::kBFloat16)
            softmax_rows(static_cast<at::BFloat16 *>(tensor.data_ptr()), rows, width, first_place, scale, strength);
        else
            softmax_rows(static_cast<at::Half *>(tensor.data_ptr()), rows, width, first_place, scale, strength);
    });
}
