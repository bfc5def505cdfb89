// Products of small matrices, each the work of one thread; rows at given distances.
#pragma once
#include <c10/util/BFloat16.h>

#include <algorithm>
#include <cstdint>

namespace ctorch {

/// c [m, n] = a [m, k] · b [k, n], or added onto c.
void multiply(int64_t m, int64_t n, int64_t k, const float *a, int64_t a_row, const float *b, int64_t b_row, float *c,
              int64_t c_row, bool onto = false);

/// c [m, n] = a [m, k] · b, of which two numbers of a column lie together, [k / 2, n, 2]; only with `has_pairs`.
void multiply_pairs(int64_t m, int64_t n, int64_t k, const c10::BFloat16 *a, int64_t a_row, const c10::BFloat16 *b,
                    int64_t b_row, float *c, int64_t c_row);

/// Whether the processor has arithmetic for pairs of bfloat16.
bool has_pairs();

/// What a thread calls after its last product.
void release_products();

/// [rows, columns] to [columns, rows].
template <typename Number>
void transpose(int64_t rows, int64_t columns, const Number *from, int64_t from_row, Number *to) {
    constexpr int64_t tile = 16;
    for (int64_t row = 0; row < rows; row += tile)
        for (int64_t column = 0; column < columns; column += tile)
            for (int64_t j = column; j < std::min(columns, column + tile); ++j)
                for (int64_t i = row; i < std::min(rows, row + tile); ++i) to[j * rows + i] = from[i * from_row + j];
}

}  // namespace ctorch
