// A node of the tape whose backward pass belongs to the caller, and the state of the random generators.
#include "Guard.hpp"

#include <ATen/Context.h>
#include <ATen/Functions.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/variable.h>

using namespace ctorch;
using torch::autograd::variable_list;

namespace {

/// Calls back for the gradients of its inputs; the caller's context lives as long as the node.
struct CallerNode : torch::autograd::Node {
    void *context = nullptr;
    ctorch_backward backward = nullptr;
    void (*release)(void *) = nullptr;
    size_t input_count = 0;

    ~CallerNode() override { release(context); }
    std::string name() const override { return "CallerNode"; }

    variable_list apply(variable_list &&gradients) override {
        std::vector<ctorch_tensor *> given;
        for (auto &gradient : gradients)
            given.push_back(gradient.defined() ? reinterpret_cast<ctorch_tensor *>(gradient.unsafeGetTensorImpl()) : nullptr);
        std::vector<ctorch_tensor *> wanted(input_count, nullptr);
        if (auto *error = backward(context, given.data(), given.size(), wanted.data(), wanted.size())) {
            std::string message = error->message;
            bool memory = error->code == CTORCH_ERROR_OUT_OF_MEMORY;
            ctorch_error_free(error);
            TORCH_CHECK_WITH(OutOfMemoryError, !memory, message);
            TORCH_CHECK(false, message);
        }
        variable_list result;
        for (auto *raw : wanted) {
            result.push_back(raw ? borrow_tensor(raw) : at::Tensor());
            if (raw) ctorch_tensor_release(raw);
        }
        return result;
    }
};

at::Generator generator(int32_t device_type, int32_t device_index) {
    return at::globalContext().defaultGenerator(
        c10::Device(static_cast<c10::DeviceType>(device_type), static_cast<c10::DeviceIndex>(device_index)));
}

}  // namespace

ctorch_error *ctorch_error_make(ctorch_error_code code, const char *message) { return make_error(code, message); }

ctorch_error *ctorch_attach_backward(ctorch_tensor *const *inputs, size_t input_count, ctorch_tensor *const *outputs,
                                     size_t output_count, void *context, ctorch_backward backward, void (*release)(void *),
                                     ctorch_tensor **attached) {
    auto node = std::shared_ptr<CallerNode>(new CallerNode(), torch::autograd::deleteNode);
    node->context = context;
    node->backward = backward;
    node->release = release;
    node->input_count = input_count;
    return guarded([&] {
        torch::autograd::edge_list edges;
        for (size_t i = 0; i < input_count; i++) edges.push_back(torch::autograd::impl::gradient_edge(borrow_tensor(inputs[i])));
        node->set_next_edges(std::move(edges));
        for (size_t i = 0; i < output_count; i++) {
            auto output = borrow_tensor(outputs[i]).detach();
            uint32_t number = node->add_input_metadata(output);
            torch::autograd::impl::set_gradient_edge(output, {node, number});
            attached[i] = export_tensor(std::move(output));
        }
    });
}

ctorch_error *ctorch_generator_state(int32_t device_type, int32_t device_index, ctorch_tensor **out) {
    return guarded([&] {
        auto source = generator(device_type, device_index);
        std::lock_guard<std::mutex> lock(source.mutex());
        *out = export_tensor(source.get_state());
    });
}

ctorch_error *ctorch_set_generator_state(int32_t device_type, int32_t device_index, const ctorch_tensor *state) {
    return guarded([&] {
        auto target = generator(device_type, device_index);
        std::lock_guard<std::mutex> lock(target.mutex());
        target.set_state(borrow_tensor(state));
    });
}
