// Scores of one query to weights, with a penalty on distance.
#pragma once
#include <c10/util/BFloat16.h>

#include <cstdint>

namespace ctorch {

/// Room for a row of `count` scores: whole vectors.
constexpr int64_t softmax_room(int64_t count) { return (count + 15) / 16 * 16; }

/// exp(x - the largest x) of x = `row` · scale − strength · |place − i| over `count` scores, in place; the rest of the row's room
/// becomes 0. Returns their sum.
float distance_weights(float *row, int64_t count, int64_t place, float scale, float strength);
/// The same to a row of weights of its own; what is in `row` is used up. Only where `has_pairs`.
float distance_weights(float *row, int64_t count, int64_t place, float scale, float strength, c10::BFloat16 *weights);

/// The softmax of `row` · scale − strength · |place − i| over `count` scores in place; the rest of the row's room becomes 0.
void distance_softmax(float *row, int64_t count, int64_t place, float scale, float strength);

}  // namespace ctorch
