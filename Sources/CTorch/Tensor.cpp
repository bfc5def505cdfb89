// Lifetime, shape, host memory and gradients of one tensor.
#include "Guard.hpp"

#include <ATen/ATen.h>

using namespace ctorch;

void ctorch_error_free(ctorch_error *error) {
    if (!error) return;
    std::free(error->message);
    std::free(error);
}

void ctorch_tensor_retain(ctorch_tensor *tensor) { c10::raw::intrusive_ptr::incref(implementation(tensor)); }
void ctorch_tensor_release(ctorch_tensor *tensor) { c10::raw::intrusive_ptr::decref(implementation(tensor)); }
int64_t ctorch_tensor_dimension_count(const ctorch_tensor *tensor) { return implementation(tensor)->dim(); }
void ctorch_tensor_sizes(const ctorch_tensor *tensor, int64_t *sizes) {
    auto source = implementation(tensor)->sizes();
    std::copy(source.begin(), source.end(), sizes);
}
int64_t ctorch_tensor_element_count(const ctorch_tensor *tensor) { return implementation(tensor)->numel(); }
int32_t ctorch_tensor_scalar_type(const ctorch_tensor *tensor) {
    return static_cast<int32_t>(c10::typeMetaToScalarType(implementation(tensor)->dtype()));
}
int32_t ctorch_tensor_device_type(const ctorch_tensor *tensor) {
    return static_cast<int32_t>(implementation(tensor)->device().type());
}
int32_t ctorch_tensor_device_index(const ctorch_tensor *tensor) { return implementation(tensor)->device().index(); }
bool ctorch_tensor_requires_grad(const ctorch_tensor *tensor) { return implementation(tensor)->requires_grad(); }
bool ctorch_tensor_is_contiguous(const ctorch_tensor *tensor) { return implementation(tensor)->is_contiguous(); }
void *ctorch_tensor_data(const ctorch_tensor *tensor) {
    auto *impl = implementation(tensor);
    return impl->device().is_cpu() ? const_cast<void *>(impl->data()) : nullptr;
}

ctorch_error *ctorch_tensor_from_host(const void *host, size_t byte_count, const int64_t *sizes, int64_t dimension_count,
                                      int32_t scalar_type, ctorch_tensor **out) {
    return guarded([&] {
        auto type = static_cast<c10::ScalarType>(scalar_type);
        auto tensor = at::empty(c10::IntArrayRef(sizes, dimension_count), at::TensorOptions().dtype(type));
        TORCH_CHECK(tensor.nbytes() == byte_count, "from host: ", byte_count, " bytes do not fill a tensor of ", tensor.sizes(),
                    " ", type, ", which takes ", tensor.nbytes());
        if (byte_count) std::memcpy(tensor.data_ptr(), host, byte_count);
        *out = export_tensor(std::move(tensor));
    });
}

ctorch_error *ctorch_tensor_to_host(const ctorch_tensor *tensor, void *host, size_t byte_count) {
    return guarded([&] {
        auto source = borrow_tensor(tensor);
        TORCH_CHECK(source.is_cpu() && source.is_contiguous(), "to host: the tensor must be contiguous and on the CPU");
        TORCH_CHECK(source.nbytes() == byte_count, "to host: the tensor has ", source.nbytes(), " bytes, not ", byte_count);
        if (byte_count) std::memcpy(host, source.const_data_ptr(), byte_count);
    });
}

ctorch_error *ctorch_tensor_set_requires_grad(ctorch_tensor *tensor, bool value) {
    return guarded([&] { borrow_tensor(tensor).set_requires_grad(value); });
}

ctorch_error *ctorch_tensor_grad(const ctorch_tensor *tensor, ctorch_tensor **out) {
    return guarded([&] { *out = export_tensor(at::Tensor(borrow_tensor(tensor).grad())); });
}

ctorch_error *ctorch_tensor_set_grad(ctorch_tensor *tensor, ctorch_tensor *grad) {
    return guarded([&] { borrow_tensor(tensor).mutable_grad() = grad ? borrow_tensor(grad) : at::Tensor(); });
}
