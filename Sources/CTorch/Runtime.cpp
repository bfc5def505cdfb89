// Versions, devices, threads, generator, allocator.
#include "Guard.hpp"
#include "Parallel.hpp"
#include "Processor.hpp"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/inductor/aoti_torch/c/shim.h>
#include <torch/headeronly/version.h>

#include <dlfcn.h>
#include <malloc.h>

using namespace ctorch;

bool ctorch_grad_mode(void) { return c10::GradMode::is_enabled(); }
void ctorch_set_grad_mode(bool enabled) { c10::GradMode::set_enabled(enabled); }

uint64_t ctorch_compiled_version(void) { return TORCH_ABI_VERSION; }
uint64_t ctorch_loaded_version(void) { return aoti_torch_abi_version(); }

char *ctorch_open_cuda(bool *available) {
    *available = false;
    // Without a driver the CUDA libraries would only cost memory: some 300 MB.
    if (!dlopen("libcuda.so.1", RTLD_LAZY | RTLD_GLOBAL)) return strdup("CPU only: this computer has no NVIDIA driver");
    Dl_info info;
    if (!dladdr(reinterpret_cast<void *>(&aoti_torch_abi_version), &info)) return strdup("libtorch's own path is unknown");
    std::string path(info.dli_fname);
    path = path.substr(0, path.find_last_of('/') + 1) + "libtorch_cuda.so";
    // RTLD_GLOBAL and before the first question about CUDA: libtorch asks its registry once per process.
    if (!dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL)) {
        const char *reason = dlerror();
        return strdup((std::string("CPU only: ") + (reason ? reason : "libtorch_cuda.so cannot be opened")).c_str());
    }
    try {
        *available = at::globalContext().hasCUDA() && at::detail::getCUDAHooks().deviceCount() > 0;
    } catch (...) {
        *available = false;
    }
    return strdup(*available ? "CUDA" : "CPU only: libtorch_cuda.so is loaded but no device answers");
}

int32_t ctorch_cuda_device_count(void) {
    try {
        return at::globalContext().hasCUDA() ? static_cast<int32_t>(at::detail::getCUDAHooks().deviceCount()) : 0;
    } catch (...) {
        return 0;
    }
}

bool ctorch_has_avx512(void) { return has_avx512(); }
bool ctorch_is_intel(void) { return is_intel(); }
bool ctorch_has_matrix_tiles(void) { return has_matrix_tiles(); }

void ctorch_parallel(int64_t count, int64_t grain, void (*body)(void *, int64_t, int64_t), void *context) {
    parallel_parts(count, grain, [=](int64_t from, int64_t to) { body(context, from, to); });
}

void ctorch_set_thread_count(int32_t count) { at::set_num_threads(count); }
int32_t ctorch_thread_count(void) { return at::get_num_threads(); }

// By default fp32 products go to MKL, which takes a slow path on AMD; "medium" sends them to oneDNN. Where the processor has
// AMX, oneDNN would round them to bfloat16, so there they stay with MKL. Set when the library is loaded, because products of
// the two differ in their last bits: one process must not begin with the one and go on with the other.
__attribute__((constructor)) static void choose_matrix_products() {
    try {
        at::globalContext().setFloat32MatmulPrecision(has_matrix_tiles() ? "highest" : "medium");
    } catch (...) {
    }
}

ctorch_error *ctorch_set_matmul_precision(const char *precision) {
    return guarded([&] { at::globalContext().setFloat32MatmulPrecision(precision); });
}

ctorch_error *ctorch_manual_seed(uint64_t seed) {
    return guarded([&] { at::manual_seed(seed); });
}

void ctorch_keep_freed_memory(void) {
    mallopt(M_MMAP_MAX, 0);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    mallopt(M_TOP_PAD, 64 << 20);
}

void ctorch_release_freed_memory(void) { malloc_trim(0); }
