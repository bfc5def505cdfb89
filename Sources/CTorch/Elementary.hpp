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

/// The share of a normal distribution below x, of which `bell` is exp(-x² / 2); with an error of about 1e-7 (Abramowitz and
/// Stegun, 7.1.26). NaN stays NaN.
inline float normal_share(float x, float bell) {
    const float distance = x < 0 ? -x : x;
    const float t = 1 / (1 + 0.3275911f * 0.70710678f * distance);
    float beyond = 1.061405429f;
    beyond = beyond * t - 1.453152027f;
    beyond = beyond * t + 1.421413741f;
    beyond = beyond * t - 0.284496736f;
    beyond = beyond * t + 0.254829592f;
    beyond = 0.5f * beyond * t * bell;
    return x < 0 ? beyond : 1 - beyond;
}

}  // namespace ctorch
