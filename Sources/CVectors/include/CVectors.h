// Products of rows of half precision with a vector of single precision, as fast as memory gives the rows.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// products[i] = Σ_j rows[i · dimension + j] · vector[j]; rows are IEEE half precision.
void cvectors_products(const uint16_t *rows, size_t count, size_t dimension, const float *vector, float *products);

/// out[i] = halves[i]
void cvectors_widen(const uint16_t *halves, size_t count, float *out);

/// out[i] = values[i], rounded to the nearest half
void cvectors_narrow(const float *values, size_t count, uint16_t *out);

/// For every row of `scores` [count × k] the position of the largest number, that number, and the second largest one
/// (−∞ for k = 1). Of equal numbers the first counts.
void cvectors_best_two(const float *scores, size_t count, size_t k, int32_t *nearest, float *best, float *second);

/// sums[nearest[i] · dimension + j] += rows[i · dimension + j] for the columns `from` ≤ j < `to`.
void cvectors_add_rows(const float *rows, const int32_t *nearest, size_t count, size_t dimension, size_t from, size_t to,
                       float *sums);
