// Numbers too small to be normal, below 1e-38 in single precision. Attention with a penalty on distance makes many, and a matrix
// product with them takes a hundred times longer on Intel's processors.
#pragma once

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace ctorch {

/// While it lives, they are 0 in this thread, and for good in threads that begin meanwhile: those of libtorch. Swift's own
/// arithmetic, which needs them where it converts half precision, keeps them.
class WithoutSmallNumbers {
  public:
#if defined(__x86_64__)
    WithoutSmallNumbers() : before_(_mm_getcsr()) { _mm_setcsr(before_ | flush_results | read_as_zero); }
    ~WithoutSmallNumbers() { _mm_setcsr(before_); }
#else
    WithoutSmallNumbers() {}
#endif
    WithoutSmallNumbers(const WithoutSmallNumbers &) = delete;
    WithoutSmallNumbers &operator=(const WithoutSmallNumbers &) = delete;

  private:
#if defined(__x86_64__)
    static constexpr unsigned flush_results = 0x8000, read_as_zero = 0x0040;
    const unsigned before_;
#endif
};

}  // namespace ctorch
