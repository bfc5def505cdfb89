// Every body that may throw runs inside guarded { }: exceptions become errors, and out of memory is told apart. Numbers too
// small to be normal are 0 there.
#pragma once
#include "CTorch.h"
#include "SmallNumbers.hpp"

#include <ATen/core/Tensor.h>
#include <c10/util/Exception.h>

#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <string>

namespace ctorch {

inline ctorch_error *make_error(ctorch_error_code code, const char *message) {
    auto *error = static_cast<ctorch_error *>(std::malloc(sizeof(ctorch_error)));
    error->code = code;
    error->message = strdup(message);
    return error;
}

template <typename Body>
ctorch_error *guarded(Body &&body) noexcept {
    const WithoutSmallNumbers scope;
    try {
        body();
        return nullptr;
    } catch (const c10::OutOfMemoryError &error) {
        return make_error(CTORCH_ERROR_OUT_OF_MEMORY, error.what_without_backtrace());
    } catch (const c10::Error &error) {
        const char *what = error.what_without_backtrace();
        // The CPU allocator throws a plain c10::Error.
        bool memory = std::strstr(what, "can't allocate memory") != nullptr;
        return make_error(memory ? CTORCH_ERROR_OUT_OF_MEMORY : CTORCH_ERROR_OPERATOR, what);
    } catch (const std::bad_alloc &error) {
        return make_error(CTORCH_ERROR_OUT_OF_MEMORY, error.what());
    } catch (const std::exception &error) {
        return make_error(CTORCH_ERROR_OPERATOR, error.what());
    } catch (...) {
        return make_error(CTORCH_ERROR_UNKNOWN, "an exception of unknown type");
    }
}

/// Gives one owned reference to the caller.
inline ctorch_tensor *export_tensor(at::Tensor tensor) {
    if (!tensor.defined()) return nullptr;
    return reinterpret_cast<ctorch_tensor *>(tensor.unsafeReleaseTensorImpl());
}

/// A new reference to a tensor that the caller keeps.
inline at::Tensor borrow_tensor(const ctorch_tensor *tensor) {
    auto *impl = reinterpret_cast<c10::TensorImpl *>(const_cast<ctorch_tensor *>(tensor));
    return at::Tensor(c10::intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>::reclaim_copy(impl));
}

inline c10::TensorImpl *implementation(const ctorch_tensor *tensor) {
    return reinterpret_cast<c10::TensorImpl *>(const_cast<ctorch_tensor *>(tensor));
}

}  // namespace ctorch
