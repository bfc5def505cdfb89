// Scores of one query to weights, with a penalty on distance.
#pragma once
#include <cstdint>

namespace ctorch {

constexpr int64_t softmax_lanes = 16;

/// The softmax of `row` · scale − strength · |place − i| in place; `count` is a multiple of the lanes, and what has been put
/// behind the last score is −∞.
void distance_softmax(float *row, int64_t count, int64_t place, float scale, float strength);

}  // namespace ctorch
