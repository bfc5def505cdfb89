// Find an operator, box its arguments by the schema, fill in defaults, call, unbox.
#include "Guard.hpp"

#include <ATen/core/dispatch/Dispatcher.h>

using namespace ctorch;

namespace {

using c10::IValue;
using c10::TypeKind;

const c10::Type &without_optional(const c10::Type &type) {
    if (type.kind() == TypeKind::OptionalType) return *type.castRaw<c10::OptionalType>()->getElementType();
    return type;
}

[[noreturn]] void refuse(const c10::FunctionSchema &schema, const c10::Argument &argument, const char *given) {
    TORCH_CHECK(false, schema.name(), ": argument '", argument.name(), "' takes ", argument.type()->str(), ", not ", given);
}

IValue box(const c10::FunctionSchema &schema, const c10::Argument &argument, const ctorch_value &value) {
    const c10::Type &type = without_optional(*argument.type());
    const TypeKind kind = type.kind();
    switch (value.kind) {
    case CTORCH_NONE:
        if (argument.type()->kind() != TypeKind::OptionalType) refuse(schema, argument, "nothing");
        return IValue();
    case CTORCH_TENSOR:
        if (kind != TypeKind::TensorType) refuse(schema, argument, "a tensor");
        return IValue(borrow_tensor(value.tensor));
    case CTORCH_INT:
        if (kind == TypeKind::FloatType) return IValue(static_cast<double>(value.integer));
        if (kind == TypeKind::IntType || kind == TypeKind::SymIntType || kind == TypeKind::NumberType ||
            kind == TypeKind::ScalarTypeType || kind == TypeKind::LayoutType || kind == TypeKind::MemoryFormatType)
            return IValue(value.integer);
        if (kind == TypeKind::ListType) return IValue(std::vector<int64_t>{value.integer});
        refuse(schema, argument, "an integer");
    case CTORCH_DOUBLE:
        if (kind != TypeKind::FloatType && kind != TypeKind::NumberType) refuse(schema, argument, "a real number");
        return IValue(value.real);
    case CTORCH_BOOL:
        if (kind != TypeKind::BoolType && kind != TypeKind::NumberType) refuse(schema, argument, "a truth value");
        return IValue(value.integer != 0);
    case CTORCH_STRING:
        if (kind != TypeKind::StringType) refuse(schema, argument, "a string");
        return IValue(std::string(value.string));
    case CTORCH_DEVICE:
        if (kind != TypeKind::DeviceObjType) refuse(schema, argument, "a device");
        return IValue(c10::Device(static_cast<c10::DeviceType>(value.integer), static_cast<c10::DeviceIndex>(value.index)));
    default: break;
    }
    if (kind != TypeKind::ListType) refuse(schema, argument, "a list");
    const c10::Type &element_type = *type.castRaw<c10::ListType>()->getElementType();
    const TypeKind element = without_optional(element_type).kind();
    switch (value.kind) {
    case CTORCH_INT_LIST:
        if (element == TypeKind::FloatType) {
            c10::List<double> list;
            for (int64_t i = 0; i < value.count; i++) list.push_back(static_cast<double>(value.integers[i]));
            return IValue(list);
        }
        if (element != TypeKind::IntType && element != TypeKind::SymIntType) refuse(schema, argument, "a list of integers");
        return IValue(std::vector<int64_t>(value.integers, value.integers + value.count));
    case CTORCH_DOUBLE_LIST:
        if (element != TypeKind::FloatType) refuse(schema, argument, "a list of real numbers");
        return IValue(std::vector<double>(value.reals, value.reals + value.count));
    case CTORCH_BOOL_LIST: {
        if (element != TypeKind::BoolType) refuse(schema, argument, "a list of truth values");
        c10::List<bool> list;
        for (int64_t i = 0; i < value.count; i++) list.push_back(value.integers[i] != 0);
        return IValue(list);
    }
    case CTORCH_TENSOR_LIST: {
        if (element != TypeKind::TensorType) refuse(schema, argument, "a list of tensors");
        if (element_type.kind() == TypeKind::OptionalType) {
            c10::List<std::optional<at::Tensor>> list;
            for (int64_t i = 0; i < value.count; i++)
                list.push_back(value.tensors[i] ? std::optional<at::Tensor>(borrow_tensor(value.tensors[i])) : std::nullopt);
            return IValue(list);
        }
        c10::List<at::Tensor> list;
        list.reserve(value.count);
        for (int64_t i = 0; i < value.count; i++) {
            TORCH_CHECK(value.tensors[i], schema.name(), ": argument '", argument.name(), "' has no tensor at ", i);
            list.push_back(borrow_tensor(value.tensors[i]));
        }
        return IValue(list);
    }
    case CTORCH_EMPTY_LIST: return IValue(c10::impl::GenericList(type.castRaw<c10::ListType>()->getElementType()));
    default: refuse(schema, argument, "a value of unknown kind");
    }
}

/// Tensors of a result move to the caller; everything else is a plain number.
ctorch_value unbox(const c10::FunctionSchema &schema, IValue &&value) {
    ctorch_value result{};
    if (value.isNone()) {
        result.kind = CTORCH_NONE;
    } else if (value.isTensor()) {
        result.tensor = export_tensor(std::move(value).toTensor());
        result.kind = result.tensor ? CTORCH_TENSOR : CTORCH_NONE;
    } else if (value.isInt() || value.isSymInt()) {
        result.kind = CTORCH_INT;
        result.integer = value.isInt() ? value.toInt() : value.toSymInt().guard_int(__FILE__, __LINE__);
    } else if (value.isDouble()) {
        result.kind = CTORCH_DOUBLE;
        result.real = value.toDouble();
    } else if (value.isBool()) {
        result.kind = CTORCH_BOOL;
        result.integer = value.toBool();
    } else if (value.isTensorList()) {
        auto list = std::move(value).toTensorVector();
        auto **memory = static_cast<ctorch_tensor **>(std::malloc(sizeof(void *) * std::max<size_t>(list.size(), 1)));
        for (size_t i = 0; i < list.size(); i++) memory[i] = export_tensor(std::move(list[i]));
        result.kind = CTORCH_TENSOR_LIST;
        result.count = static_cast<int64_t>(list.size());
        result.tensors = memory;
    } else {
        TORCH_CHECK(false, schema.name(), ": a result of kind ", value.tagKind(), " cannot be returned");
    }
    return result;
}

}  // namespace

ctorch_error *ctorch_operator_find(const char *name, const char *overload, ctorch_operator **out) {
    return guarded([&] {
        auto handle = c10::Dispatcher::singleton().findSchemaOrThrow(name, overload);
        *out = reinterpret_cast<ctorch_operator *>(new c10::OperatorHandle(handle));
    });
}

ctorch_error *ctorch_operator_call(const ctorch_operator *op, const ctorch_value *arguments, size_t argument_count,
                                   ctorch_value *results, size_t capacity, size_t *result_count) {
    return guarded([&] {
        const auto &handle = *reinterpret_cast<const c10::OperatorHandle *>(op);
        const c10::FunctionSchema &schema = handle.schema();
        const auto &declared = schema.arguments();
        TORCH_CHECK(argument_count <= declared.size(), schema.name(), ": takes ", declared.size(), " arguments, not ",
                    argument_count);
        torch::jit::Stack stack;
        stack.reserve(std::max(declared.size(), schema.returns().size()));
        for (size_t i = 0; i < argument_count; i++) stack.push_back(box(schema, declared[i], arguments[i]));
        for (size_t i = argument_count; i < declared.size(); i++) {
            TORCH_CHECK(declared[i].default_value(), schema.name(), ": missing argument '", declared[i].name(), "'");
            stack.push_back(*declared[i].default_value());
        }
        handle.callBoxed(&stack);
        TORCH_CHECK(stack.size() <= capacity, schema.name(), ": returns ", stack.size(), " values, more than ", capacity);
        for (size_t i = 0; i < stack.size(); i++) results[i] = unbox(schema, std::move(stack[i]));
        *result_count = stack.size();
    });
}

char *ctorch_operator_list(void) {
    std::string text;
    for (const auto &name : c10::Dispatcher::singleton().getAllOpNames()) {
        text += name.name;
        if (!name.overload_name.empty()) text += "." + name.overload_name;
        text += "\n";
    }
    return strdup(text.c_str());
}
