// The whole C surface over libtorch. Every function that can fail returns null on success or an error that the caller
// frees with ctorch_error_free. No C++ exception crosses this boundary. A tensor pointer owns one reference.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ctorch_tensor ctorch_tensor;
typedef struct ctorch_operator ctorch_operator;

typedef enum {
    CTORCH_ERROR_OPERATOR = 1,
    CTORCH_ERROR_OUT_OF_MEMORY = 2,
    CTORCH_ERROR_ARGUMENT = 3,
    CTORCH_ERROR_UNKNOWN = 4,
} ctorch_error_code;

typedef struct {
    ctorch_error_code code;
    char *message;
} ctorch_error;

void ctorch_error_free(ctorch_error *error);
/// An error of the caller's, for callbacks that fail; the message is copied.
ctorch_error *ctorch_error_make(ctorch_error_code code, const char *message);

typedef enum {
    CTORCH_NONE = 0,
    CTORCH_TENSOR,
    CTORCH_INT,
    CTORCH_DOUBLE,
    CTORCH_BOOL,
    CTORCH_STRING,
    CTORCH_DEVICE,
    CTORCH_INT_LIST,
    CTORCH_DOUBLE_LIST,
    CTORCH_TENSOR_LIST,
    CTORCH_BOOL_LIST,
    CTORCH_EMPTY_LIST,
} ctorch_kind;

/// One boxed argument or result. Lists point to memory of the caller (arguments) or of malloc (results).
typedef struct {
    ctorch_kind kind;
    int32_t index;   // device index
    int64_t count;   // elements of a list
    union {
        int64_t integer;   // int, bool, device type
        double real;
        const char *string;
        ctorch_tensor *tensor;
        const int64_t *integers;
        const double *reals;
        ctorch_tensor *const *tensors;   // null entries stand for absent optional tensors
    };
} ctorch_value;

// Operators.
/// Finds an operator of the dispatcher by name ("aten::add") and overload ("Tensor"). The handle lives as long as the process.
ctorch_error *ctorch_operator_find(const char *name, const char *overload, ctorch_operator **out);
/// Calls it: argument kinds are checked against the schema, omitted trailing arguments take the schema's defaults.
/// At most `capacity` results are written; result tensors and list memory belong to the caller.
ctorch_error *ctorch_operator_call(const ctorch_operator *op, const ctorch_value *arguments, size_t argument_count,
                                   ctorch_value *results, size_t capacity, size_t *result_count);
/// Every registered operator, one "name.overload" per line; freed by the caller.
char *ctorch_operator_list(void);

// Tensors.
void ctorch_tensor_retain(ctorch_tensor *tensor);
void ctorch_tensor_release(ctorch_tensor *tensor);
int64_t ctorch_tensor_dimension_count(const ctorch_tensor *tensor);
void ctorch_tensor_sizes(const ctorch_tensor *tensor, int64_t *sizes);
int64_t ctorch_tensor_element_count(const ctorch_tensor *tensor);
int32_t ctorch_tensor_scalar_type(const ctorch_tensor *tensor);
int32_t ctorch_tensor_device_type(const ctorch_tensor *tensor);
int32_t ctorch_tensor_device_index(const ctorch_tensor *tensor);
bool ctorch_tensor_requires_grad(const ctorch_tensor *tensor);
bool ctorch_tensor_is_contiguous(const ctorch_tensor *tensor);
/// Address of the first element of a CPU tensor, null on another device.
void *ctorch_tensor_data(const ctorch_tensor *tensor);
/// A new tensor with the bytes of `host` (row-major, `byte_count` must fit the sizes), on the CPU.
ctorch_error *ctorch_tensor_from_host(const void *host, size_t byte_count, const int64_t *sizes, int64_t dimension_count,
                                      int32_t scalar_type, ctorch_tensor **out);
/// Copies a contiguous CPU tensor into `host`.
ctorch_error *ctorch_tensor_to_host(const ctorch_tensor *tensor, void *host, size_t byte_count);

/// A tensor of the shape and type of a float tensor on the CPU: 0 with that probability, 1 / (1 - probability) otherwise.
ctorch_error *ctorch_dropout_mask(const ctorch_tensor *like, double probability, ctorch_tensor **out);

/// Replaces a contiguous matrix of scores on the CPU, float32 or bfloat16, by the softmax of each row of
/// scale * score - strength * |first_place + row - column|.
ctorch_error *ctorch_distance_softmax(ctorch_tensor *scores, int64_t first_place, double scale, double strength);
/// Rows of x [..., D], in float32 or bfloat16 on the CPU, to zero mean and unit variance in float32, then `weight` and `bias` [D]
/// where they are not null, then GELU where wanted. Gradients flow to all three.
ctorch_error *ctorch_layer_norm(const ctorch_tensor *x, const ctorch_tensor *weight, const ctorch_tensor *bias, double epsilon,
                                bool gelu, ctorch_tensor **out);
/// x · α · σ(βx) of rows x [..., C], in float32 or bfloat16 on the CPU, with α and β [C]. Gradients flow to all three.
ctorch_error *ctorch_pswish(const ctorch_tensor *x, const ctorch_tensor *alpha, const ctorch_tensor *beta, ctorch_tensor **out);
/// Convolution of frames x [B, T, G · in] in float32 or bfloat16 with `padding` zeros at both ends, by spectra: `forward`
/// [2, F, L] takes L frames to the real and imaginary parts of F frequencies, `factors` [F, G, 2 · in, 2 · out] are those of the
/// taps, `backward` [2, K, F] leads to the K frames that owe nothing to the other end of the block. `bias` [G · out] or null.
/// All but x and bias in float32. Gradients flow to x, factors and bias.
ctorch_error *ctorch_spectral_convolution(const ctorch_tensor *x, const ctorch_tensor *factors, const ctorch_tensor *bias,
                                          const ctorch_tensor *forward, const ctorch_tensor *backward, int64_t padding,
                                          ctorch_tensor **out);

/// softmax(query · keyᵀ / √d − strength · distance) · value, [B, H, N, d] in float32 or, where `ctorch_has_pairs`, in bfloat16 with
/// even d; on the CPU and without gradients. `strengths` of the H heads.
ctorch_error *ctorch_distance_attention(const ctorch_tensor *query, const ctorch_tensor *key, const ctorch_tensor *value,
                                        const float *strengths, ctorch_tensor **out);
bool ctorch_has_pairs(void);

// Autograd.
ctorch_error *ctorch_tensor_set_requires_grad(ctorch_tensor *tensor, bool value);
/// The accumulated gradient, or null when there is none. The caller owns the reference.
ctorch_error *ctorch_tensor_grad(const ctorch_tensor *tensor, ctorch_tensor **out);
/// Replaces the gradient; null removes it.
ctorch_error *ctorch_tensor_set_grad(ctorch_tensor *tensor, ctorch_tensor *grad);
bool ctorch_grad_mode(void);
void ctorch_set_grad_mode(bool enabled);
/// Gradients of the outputs (null where there is none) to gradients of the inputs, whose references the callee gives away.
/// Called by the thread that runs the backward pass.
typedef ctorch_error *(*ctorch_backward)(void *context, ctorch_tensor *const *gradients, size_t count,
                                         ctorch_tensor **input_gradients, size_t input_count);
/// The outputs as results of the inputs whose gradients `backward` computes. `release` is called once, when the tape
/// forgets the node, also if this fails. The caller owns the references in `attached`.
ctorch_error *ctorch_attach_backward(ctorch_tensor *const *inputs, size_t input_count, ctorch_tensor *const *outputs,
                                     size_t output_count, void *context, ctorch_backward backward, void (*release)(void *),
                                     ctorch_tensor **attached);
/// The state of a device's random generator, as a tensor of bytes on the CPU.
ctorch_error *ctorch_generator_state(int32_t device_type, int32_t device_index, ctorch_tensor **out);
ctorch_error *ctorch_set_generator_state(int32_t device_type, int32_t device_index, const ctorch_tensor *state);

// Runtime.
/// The ABI number compiled in and the one of the loaded library; they must agree.
uint64_t ctorch_compiled_version(void);
uint64_t ctorch_loaded_version(void);
/// Opens libtorch_cuda.so beside libtorch_cpu.so when it is there. Must come before any other call.
/// Returns a description of what happened, freed by the caller; `*available` says whether a CUDA device answers.
char *ctorch_open_cuda(bool *available);
int32_t ctorch_cuda_device_count(void);
bool ctorch_has_avx512(void);
bool ctorch_is_intel(void);
bool ctorch_has_matrix_tiles(void);
/// Calls body(context, from, to) for neighbouring parts of 0..<count, of `grain` or more each, on libtorch's own threads.
void ctorch_parallel(int64_t count, int64_t grain, void (*body)(void *context, int64_t from, int64_t to), void *context);
void ctorch_set_thread_count(int32_t count);
int32_t ctorch_thread_count(void);
/// "highest" (default of libtorch) or "medium", which takes fp32 products through oneDNN.
ctorch_error *ctorch_set_matmul_precision(const char *precision);
ctorch_error *ctorch_manual_seed(uint64_t seed);
/// Keeps freed buffers instead of returning each one to the system (glibc): page faults cost as much as arithmetic.
void ctorch_keep_freed_memory(void);
/// Returns what is kept to the system.
void ctorch_release_freed_memory(void);

#ifdef __cplusplus
}
#endif
