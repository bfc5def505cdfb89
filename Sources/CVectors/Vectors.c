// Swift builds for the oldest x86-64, which converts half precision by a function call per number. Here the processor is
// asked once, and gets the widest instructions that it knows.
#include "CVectors.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("avx512f,avx512bw,avx512vl"))) static float dot_512(const uint16_t *row, size_t dimension,
                                                                          const float *vector) {
    __m512 a = _mm512_setzero_ps(), b = a, c = a, d = a;
    size_t j = 0;
    for (; j + 64 <= dimension; j += 64) {
        a = _mm512_fmadd_ps(_mm512_cvtph_ps(_mm256_loadu_si256((const void *)(row + j))), _mm512_loadu_ps(vector + j), a);
        b = _mm512_fmadd_ps(_mm512_cvtph_ps(_mm256_loadu_si256((const void *)(row + j + 16))),
                            _mm512_loadu_ps(vector + j + 16), b);
        c = _mm512_fmadd_ps(_mm512_cvtph_ps(_mm256_loadu_si256((const void *)(row + j + 32))),
                            _mm512_loadu_ps(vector + j + 32), c);
        d = _mm512_fmadd_ps(_mm512_cvtph_ps(_mm256_loadu_si256((const void *)(row + j + 48))),
                            _mm512_loadu_ps(vector + j + 48), d);
    }
    for (; j < dimension; j += 16) {
        size_t rest = dimension - j;
        __mmask16 mask = rest >= 16 ? 0xFFFF : (__mmask16)((1u << rest) - 1);
        __m256i halves = _mm256_maskz_loadu_epi16(mask, row + j);
        a = _mm512_fmadd_ps(_mm512_cvtph_ps(halves), _mm512_maskz_loadu_ps(mask, vector + j), a);
    }
    return _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(a, b), _mm512_add_ps(c, d)));
}

__attribute__((target("avx512f,avx512bw,avx512vl"))) static void products_512(const uint16_t *rows, size_t count,
                                                                              size_t dimension, const float *vector,
                                                                              float *products) {
    for (size_t i = 0; i < count; i++) {
        // The processor's own prefetcher stops at every page of 4 KiB.
        const char *ahead = (const char *)(rows + (i + 4) * dimension);
        for (size_t line = 0; line < dimension * 2; line += 64) _mm_prefetch(ahead + line, _MM_HINT_T0);
        products[i] = dot_512(rows + i * dimension, dimension, vector);
    }
}

__attribute__((target("avx2,fma,f16c"))) static float dot_256(const uint16_t *row, size_t dimension,
                                                              const float *vector) {
    __m256 a = _mm256_setzero_ps(), b = a;
    size_t j = 0;
    for (; j + 16 <= dimension; j += 16) {
        a = _mm256_fmadd_ps(_mm256_cvtph_ps(_mm_loadu_si128((const void *)(row + j))), _mm256_loadu_ps(vector + j), a);
        b = _mm256_fmadd_ps(_mm256_cvtph_ps(_mm_loadu_si128((const void *)(row + j + 8))),
                            _mm256_loadu_ps(vector + j + 8), b);
    }
    float parts[8], sum = 0;
    _mm256_storeu_ps(parts, _mm256_add_ps(a, b));
    for (int k = 0; k < 8; k++) sum += parts[k];
    for (; j < dimension; j++) sum += _cvtsh_ss(row[j]) * vector[j];
    return sum;
}

__attribute__((target("avx2,fma,f16c"))) static void products_256(const uint16_t *rows, size_t count, size_t dimension,
                                                                  const float *vector, float *products) {
    for (size_t i = 0; i < count; i++) products[i] = dot_256(rows + i * dimension, dimension, vector);
}

__attribute__((target("avx2,f16c"))) static void widen_256(const uint16_t *halves, size_t count, float *out) {
    size_t i = 0;
    for (; i + 8 <= count; i += 8)
        _mm256_storeu_ps(out + i, _mm256_cvtph_ps(_mm_loadu_si128((const void *)(halves + i))));
    for (; i < count; i++) out[i] = _cvtsh_ss(halves[i]);
}

__attribute__((target("avx2,f16c"))) static void narrow_256(const float *values, size_t count, uint16_t *out) {
    size_t i = 0;
    for (; i + 8 <= count; i += 8)
        _mm_storeu_si128((void *)(out + i), _mm256_cvtps_ph(_mm256_loadu_ps(values + i), _MM_FROUND_TO_NEAREST_INT));
    for (; i < count; i++) out[i] = _cvtss_sh(values[i], _MM_FROUND_TO_NEAREST_INT);
}
#endif

static float from_half(uint16_t half) {
    _Float16 value;
    memcpy(&value, &half, 2);
    return (float)value;
}

static int level(void) {
#if defined(__x86_64__)
    static int known = -1;
    int found = __atomic_load_n(&known, __ATOMIC_RELAXED);
    if (found < 0) {
        __builtin_cpu_init();
        found = 0;
        if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c")) found = 1;
        if (found && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
            __builtin_cpu_supports("avx512vl"))
            found = 2;
        __atomic_store_n(&known, found, __ATOMIC_RELAXED);
    }
    return found;
#else
    return 0;
#endif
}

void cvectors_products(const uint16_t *rows, size_t count, size_t dimension, const float *vector, float *products) {
#if defined(__x86_64__)
    if (level() == 2) return products_512(rows, count, dimension, vector, products);
    if (level() == 1) return products_256(rows, count, dimension, vector, products);
#endif
    for (size_t i = 0; i < count; i++) {
        float sum = 0;
        for (size_t j = 0; j < dimension; j++) sum += from_half(rows[i * dimension + j]) * vector[j];
        products[i] = sum;
    }
}

void cvectors_widen(const uint16_t *halves, size_t count, float *out) {
#if defined(__x86_64__)
    if (level() > 0) return widen_256(halves, count, out);
#endif
    for (size_t i = 0; i < count; i++) out[i] = from_half(halves[i]);
}

void cvectors_narrow(const float *values, size_t count, uint16_t *out) {
#if defined(__x86_64__)
    if (level() > 0) return narrow_256(values, count, out);
#endif
    for (size_t i = 0; i < count; i++) {
        _Float16 value = (_Float16)values[i];
        memcpy(out + i, &value, 2);
    }
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void best_two_256(const float *scores, size_t count, size_t k, int32_t *nearest,
                                                         float *best, float *second) {
    const __m256 least = _mm256_set1_ps(-__builtin_inff());
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    // Lanes behind the last column of a row hold −∞.
    const __m256i tail = _mm256_cmpgt_epi32(_mm256_set1_epi32((int32_t)(k % 8)), lanes);
    for (size_t i = 0; i < count; i++) {
        const float *row = scores + i * k;
        __m256 first = least, next = least;
        __m256i places = lanes, place = lanes;
        size_t c = 0;
        for (; c < k; c += 8) {
            __m256 values = c + 8 <= k ? _mm256_loadu_ps(row + c)
                                       : _mm256_blendv_ps(least, _mm256_maskload_ps(row + c, tail),
                                                          _mm256_castsi256_ps(tail));
            __m256 larger = _mm256_cmp_ps(values, first, _CMP_GT_OQ);
            next = _mm256_max_ps(next, _mm256_min_ps(first, values));
            place = _mm256_blendv_epi8(place, places, _mm256_castps_si256(larger));
            first = _mm256_max_ps(first, values);
            places = _mm256_add_epi32(places, _mm256_set1_epi32(8));
        }
        float firsts[8], nexts[8];
        int32_t where[8];
        _mm256_storeu_ps(firsts, first);
        _mm256_storeu_ps(nexts, next);
        _mm256_storeu_si256((void *)where, place);
        int winner = 0;
        for (int lane = 1; lane < 8; lane++)
            if (firsts[lane] > firsts[winner] || (firsts[lane] == firsts[winner] && where[lane] < where[winner]))
                winner = lane;
        float runner = nexts[winner];
        for (int lane = 0; lane < 8; lane++)
            if (lane != winner && firsts[lane] > runner) runner = firsts[lane];
        nearest[i] = where[winner];
        best[i] = firsts[winner];
        second[i] = runner;
    }
}
#endif

void cvectors_best_two(const float *scores, size_t count, size_t k, int32_t *nearest, float *best, float *second) {
#if defined(__x86_64__)
    if (level() > 0) return best_two_256(scores, count, k, nearest, best, second);
#endif
    for (size_t i = 0; i < count; i++) {
        const float *row = scores + i * k;
        float first = row[0], next = -__builtin_inff();
        int32_t place = 0;
        for (size_t c = 1; c < k; c++) {
            float score = row[c];
            if (score > next) {
                if (score > first) {
                    next = first;
                    first = score;
                    place = (int32_t)c;
                } else {
                    next = score;
                }
            }
        }
        nearest[i] = place;
        best[i] = first;
        second[i] = next;
    }
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void add_rows_256(const float *rows, const int32_t *nearest, size_t count,
                                                         size_t dimension, size_t from, size_t to, float *sums) {
    for (size_t i = 0; i < count; i++) {
        const float *row = rows + i * dimension;
        float *sum = sums + (size_t)nearest[i] * dimension;
        size_t j = from;
        for (; j + 8 <= to; j += 8)
            _mm256_storeu_ps(sum + j, _mm256_add_ps(_mm256_loadu_ps(sum + j), _mm256_loadu_ps(row + j)));
        for (; j < to; j++) sum[j] += row[j];
    }
}
#endif

void cvectors_add_rows(const float *rows, const int32_t *nearest, size_t count, size_t dimension, size_t from, size_t to,
                       float *sums) {
#if defined(__x86_64__)
    if (level() > 0) return add_rows_256(rows, nearest, count, dimension, from, to, sums);
#endif
    for (size_t i = 0; i < count; i++)
        for (size_t j = from; j < to; j++) sums[(size_t)nearest[i] * dimension + j] += rows[i * dimension + j];
}
