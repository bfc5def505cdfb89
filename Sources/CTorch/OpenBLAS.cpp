#include "OpenBLAS.hpp"

#include "Processor.hpp"

#include <torch/csrc/inductor/aoti_torch/c/shim.h>

#include <dlfcn.h>

#include <cstdlib>
#include <string>

namespace {

using ctorch::openblas::Sgemm;

Sgemm open_library() {
    Dl_info info;
    if (!dladdr(reinterpret_cast<void *>(&aoti_torch_abi_version), &info)) return nullptr;
    std::string folder(info.dli_fname);
    for (int i = 0; i < 3; i++) folder.erase(folder.find_last_of('/') == std::string::npos ? 0 : folder.find_last_of('/'));
    const std::string path = folder + "/scipy_openblas32/lib/libscipy_openblas.so";
    // It would start threads of its own, which would wait by spinning beside libtorch's. These call it, each for its part.
    const char *name = "OPENBLAS_NUM_THREADS";
    const char *found = std::getenv(name);
    const std::string before = found ? found : "";
    setenv(name, "1", 1);
    void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (found) setenv(name, before.c_str(), 1); else unsetenv(name);
    return library ? reinterpret_cast<Sgemm>(dlsym(library, "scipy_cblas_sgemm")) : nullptr;
}

}  // namespace

namespace ctorch::openblas {

bool is_preferred() { return is_amd() && at::get_cpu_capability() == "AVX2"; }

Sgemm sgemm() {
    static const Sgemm found = open_library();
    return found;
}

}  // namespace ctorch::openblas
