// Scores of one query to weights, with a penalty on distance.
#pragma once
#include <cstdint>

namespace ctorch {

/// Room for a row of `count` scores: whole vectors.
constexpr int64_t softmax_room(int64_t count) { return (count + 15) / 16 * 16; }

/// The softmax of `row` · scale − strength · |place − i| over `count` scores in place; the rest of the row's room becomes 0.
void distance_softmax(float *row, int64_t count, int64_t place, float scale, float strength);

}  // namespace ctorch
