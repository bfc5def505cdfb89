// Stretches of numbers in half precision as single ones, and back.
#pragma once
#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>

#include <cstdint>

namespace ctorch {

void widen(const at::BFloat16 *from, float *to, int64_t count);
/// To the nearest, ties to even; NaN stays NaN.
void narrow(const float *from, at::BFloat16 *to, int64_t count);

// Half precision is there for graphics processors; here it need only be right.
void widen(const at::Half *from, float *to, int64_t count);
void narrow(const float *from, at::Half *to, int64_t count);

// What is single already.
void widen(const float *from, float *to, int64_t count);
void narrow(const float *from, float *to, int64_t count);

}  // namespace ctorch
