// Elementary functions in plain arithmetic, which a compiler turns into vectors inside a loop.
#pragma once
#include <cstdint>
#include <cstring>

namespace ctorch {

/// exp(x) for x up to 0 with an error of about one last bit; below -87 as at -87, which is nothing beside a 1. NaN stays NaN.
inline float exponential(float x) {
    x = x < -87.0f ? -87.0f : x;
    const float shifted = x * 1.44269504f + 12582912.0f;  // its last bits are x / ln 2, rounded
    const float whole = shifted - 12582912.0f;
    const float rest = (x - whole * 0.693359375f) + whole * 2.12194440e-4f;
    float y = 1.9875691500e-4f;
    y = y * rest + 1.3981999507e-3f;
    y = y * rest + 8.3334519073e-3f;
    y = y * rest + 4.1665795894e-2f;
    y = y * rest + 1.6666665459e-1f;
    y = y * rest + 5.0000001201e-1f;
    y = y * rest * rest + rest + 1.0f;
    uint32_t bits;
    std::memcpy(&bits, &shifted, 4);
    bits = (bits << 23) + 0x3f800000U;
    float scale;
    std::memcpy(&scale, &bits, 4);
    return y * scale;
}

/// The error function by a quotient of polynomials, with an error of a few last bits of 1. NaN stays NaN.
inline float error_function(float x) {
    // Beyond 4 it is 1 in single precision.
    x = x > 4.0f ? 4.0f : x;
    x = x < -4.0f ? -4.0f : x;
    const float square = x * x;
    float above = -2.72614225801306e-10f;
    above = above * square + 2.77068142495902e-08f;
    above = above * square - 2.10102402082508e-06f;
    above = above * square - 5.69250639462346e-05f;
    above = above * square - 7.34990630326855e-04f;
    above = above * square - 2.95459980854025e-03f;
    above = above * square - 1.60960333262415e-02f;
    float below = -1.45660718464996e-05f;
    below = below * square - 2.13374055278905e-04f;
    below = below * square - 1.68282697438203e-03f;
    below = below * square - 7.37332916720468e-03f;
    below = below * square - 1.42647390514189e-02f;
    return x * above / below;
}

}  // namespace ctorch
