// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The pickle machine (pickle.hpp). */

#include "weights/pickle.hpp"

#include "base/error.hpp"
#include "base/files.hpp"

#include <cstring>
#include <limits>
#include <map>
#include <unordered_map>

namespace d2det
{

namespace
{

constexpr size_t MAX_VALUES = 1u << 21;
constexpr size_t MAX_ITEMS = 4 * MAX_VALUES;
constexpr size_t MAX_NAME = 256;
constexpr size_t MAX_RANK = 16;
constexpr int MAX_PROTOCOL = 5;

//! What a name stands for when it is called (REDUCE, NEWOBJ) or used as the type of a storage.
enum class Meaning
{
    ORDERED_DICT,
    TENSOR,     // _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks, ..)
    PARAMETER,  // _rebuild_parameter(tensor, requires_grad, hooks)
    SIZE,       // torch.Size(tuple)
    STORAGE,
    SKIP  // the value is dropped
};

struct KnownName
{
    const char* module;
    const char* name;
    Meaning meaning;
    ElementType type;  // of a storage
};

constexpr ElementType NO_TYPE = ElementType::U8;

const KnownName PYTORCH_NAMES[] = {
    {"collections", "OrderedDict", Meaning::ORDERED_DICT, NO_TYPE},
    {"torch._utils", "_rebuild_tensor_v2", Meaning::TENSOR, NO_TYPE},
    {"torch._utils", "_rebuild_tensor", Meaning::TENSOR, NO_TYPE},
    {"torch._utils", "_rebuild_parameter", Meaning::PARAMETER, NO_TYPE},
    {"torch", "Size", Meaning::SIZE, NO_TYPE},
    {"torch", "DoubleStorage", Meaning::STORAGE, ElementType::F64},
    {"torch", "FloatStorage", Meaning::STORAGE, ElementType::F32},
    {"torch", "HalfStorage", Meaning::STORAGE, ElementType::F16},
    {"torch", "BFloat16Storage", Meaning::STORAGE, ElementType::BF16},
    {"torch", "LongStorage", Meaning::STORAGE, ElementType::I64},
    {"torch", "IntStorage", Meaning::STORAGE, ElementType::I32},
    {"torch", "ShortStorage", Meaning::STORAGE, ElementType::I16},
    {"torch", "CharStorage", Meaning::STORAGE, ElementType::I8},
    {"torch", "ByteStorage", Meaning::STORAGE, ElementType::U8},
    {"torch", "BoolStorage", Meaning::STORAGE, ElementType::BOOL},
    // What training scripts write beside the weights.
    {"argparse", "Namespace", Meaning::SKIP, NO_TYPE},
    {"numpy.core.multiarray", "scalar", Meaning::SKIP, NO_TYPE},
    {"numpy._core.multiarray", "scalar", Meaning::SKIP, NO_TYPE},
    {"numpy", "dtype", Meaning::SKIP, NO_TYPE},
    {"_codecs", "encode", Meaning::SKIP, NO_TYPE},
    {"collections", "defaultdict", Meaning::SKIP, NO_TYPE},
    {"builtins", "set", Meaning::SKIP, NO_TYPE},
    {"builtins", "dict", Meaning::SKIP, NO_TYPE},
    {"builtins", "list", Meaning::SKIP, NO_TYPE},
    {"torch", "device", Meaning::SKIP, NO_TYPE},
    {"torch", "float16", Meaning::SKIP, NO_TYPE},
    {"torch", "bfloat16", Meaning::SKIP, NO_TYPE},
    {"torch", "float32", Meaning::SKIP, NO_TYPE},
    {"torch", "float64", Meaning::SKIP, NO_TYPE},
};

[[noreturn]] void refuseName(const std::string& module, const std::string& name)
{
    fail("the file refers to " + inQuotes(module + "." + name) +
         ", which is no part of a dictionary of tensors; nothing was called. Save the weights alone: "
         "torch.save(model.state_dict(), \"weights.pth\")");
}

int64_t knownName(std::string module, const std::string& name)
{
    if (module == "__builtin__")  // Python 2
        module = "builtins";
    if (module == "torch.cuda")  // storages of tensors on a device, before version 1.0
        module = "torch";
    for (size_t i = 0; i < sizeof(PYTORCH_NAMES) / sizeof(PYTORCH_NAMES[0]); i++)
        if (module == PYTORCH_NAMES[i].module && name == PYTORCH_NAMES[i].name)
            return static_cast<int64_t>(i);
    refuseName(module, name);
}

class Machine
{
public:
    explicit Machine(ByteReader& reader) : reader_(reader) {}

    PickleResult run()
    {
        while (step(reader_.byte()))
            ;
        result_.root = pop();
        return std::move(result_);
    }

private:
    using Kind = PickleKind;

    ByteReader& reader_;
    PickleResult result_;
    std::vector<uint32_t> stack_;
    std::vector<size_t> marks_;  // heights of the stack
    std::unordered_map<uint64_t, uint32_t> memo_;
    std::map<std::string, uint32_t> storageByKey_;
    size_t items_ = 0;  // in all containers

    PickleValue& at(uint32_t index) { return result_.values[index]; }

    uint32_t push(PickleValue value)
    {
        if (result_.values.size() >= MAX_VALUES)
            fail("the pickle has more than " + std::to_string(MAX_VALUES) + " values");
        result_.values.push_back(std::move(value));
        stack_.push_back(static_cast<uint32_t>(result_.values.size() - 1));
        return stack_.back();
    }

    void push(Kind kind, int64_t integer = 0)
    {
        PickleValue value;
        value.kind = kind;
        value.integer = integer;
        push(std::move(value));
    }

    void pushText(std::string text, Kind kind = Kind::TEXT)
    {
        PickleValue value;
        value.kind = kind;
        value.text = std::move(text);
        push(std::move(value));
    }

    void again(uint32_t index)
    {
        if (stack_.size() >= MAX_VALUES)
            fail("the pickle's stack is higher than " + std::to_string(MAX_VALUES));
        stack_.push_back(index);
    }

    void needs(size_t count) const
    {
        const size_t floor = marks_.empty() ? 0 : marks_.back();
        if (stack_.size() < floor + count)
            fail("the pickle is malformed: an instruction finds too few values on the stack");
    }

    uint32_t top() const
    {
        needs(1);
        return stack_.back();
    }

    uint32_t pop()
    {
        const uint32_t index = top();
        stack_.pop_back();
        return index;
    }

    //! Values above the last mark, which is removed with them.
    std::vector<uint32_t> popToMark()
    {
        if (marks_.empty())
            fail("the pickle is malformed: an instruction finds no mark on the stack");
        const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
        std::vector<uint32_t> values(begin, stack_.end());
        stack_.erase(begin, stack_.end());
        marks_.pop_back();
        return values;
    }

    void countItems(size_t count)
    {
        items_ += count;
        if (items_ > MAX_ITEMS)
            fail("the pickle's containers have more than " + std::to_string(MAX_ITEMS) + " items");
    }

    void pushContainer(Kind kind, std::vector<uint32_t> items)
    {
        countItems(items.size());
        PickleValue value;
        value.kind = kind;
        value.items = std::move(items);
        push(std::move(value));
    }

    void pushTuple(size_t count)
    {
        needs(count);
        const std::vector<uint32_t> items(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
        stack_.resize(stack_.size() - count);
        pushContainer(Kind::TUPLE, items);
    }

    //! Appends to a list or to the keys and values of a dictionary; a skipped value takes anything.
    void extend(Kind kind, const std::vector<uint32_t>& items)
    {
        PickleValue& target = at(top());
        if (target.kind == Kind::SKIPPED)
            return;
        if (target.kind != kind || (kind == Kind::DICT && items.size() % 2 != 0))
            fail("the pickle is malformed: items for something that is no " +
                 std::string(kind == Kind::DICT ? "dictionary" : "list"));
        countItems(items.size());
        target.items.insert(target.items.end(), items.begin(), items.end());
    }

    const PickleValue& need(uint32_t index, Kind kind, const char* what)
    {
        const PickleValue& value = at(index);
        if (value.kind != kind)
            fail(std::string("the pickle is malformed: ") + what + " has the wrong type");
        return value;
    }

    //! A number >= 0 of a tensor's description.
    uint64_t count(uint32_t index, const char* what)
    {
        const PickleValue& value = need(index, Kind::INTEGER, what);
        if (value.integer < 0)
            fail(std::string("the pickle is malformed: ") + what + " is " + std::to_string(value.integer));
        return static_cast<uint64_t>(value.integer);
    }

    std::vector<int64_t> counts(uint32_t index, const char* what)
    {
        const PickleValue& list = at(index);
        if ((list.kind != Kind::TUPLE && list.kind != Kind::LIST) || list.items.size() > MAX_RANK)
            fail(std::string("the pickle is malformed: ") + what + " is no tuple of at most " +
                 std::to_string(MAX_RANK) + " numbers");
        std::vector<int64_t> numbers;
        for (const uint32_t item : list.items)
            numbers.push_back(static_cast<int64_t>(count(item, what)));
        return numbers;
    }

    //! ("storage", type, key, device, elements) and, before version 1.6, a view or None.
    void persistentId()
    {
        const std::vector<uint32_t> id = need(pop(), Kind::TUPLE, "a persistent id").items;
        if (!id.empty() && at(id[0]).kind == Kind::TEXT && at(id[0]).text == "module")
            fail(
                "the file holds an entire network as Python objects, not only tensors. Save the weights alone: "
                "torch.save(model.state_dict(), \"weights.pth\")");
        if (id.size() < 5 || id.size() > 6 || at(id[0]).kind != Kind::TEXT || at(id[0]).text != "storage")
            fail("the pickle is malformed: a persistent id is no storage");
        if (id.size() == 6 && at(id[5]).kind != Kind::NONE)
            fail(
                "the file holds a view of a storage, which this program does not read; save it again with PyTorch "
                "1.6 or later");
        const KnownName& type = nameOf(id[1]);
        if (type.meaning != Meaning::STORAGE)
            fail("the pickle is malformed: '" + std::string(type.name) + "' is no type of a storage");
        PickleStorage storage;
        storage.type = type.type;
        storage.key = need(id[2], Kind::TEXT, "the key of a storage").text;
        storage.elements = count(id[4], "the size of a storage");
        const auto known = storageByKey_.emplace(storage.key, static_cast<uint32_t>(result_.storages.size()));
        if (known.second)
            result_.storages.push_back(storage);
        const PickleStorage& first = result_.storages[known.first->second];
        if (first.type != storage.type || first.elements != storage.elements)
            fail("storage " + inQuotes(storage.key) + " has two different descriptions");
        push(Kind::STORAGE, known.first->second);
    }

    const KnownName& nameOf(uint32_t index) { return PYTORCH_NAMES[need(index, Kind::NAME, "a name").integer]; }

    void buildTensor(const std::vector<uint32_t>& arguments)
    {
        if (arguments.size() < 4)
            fail("the pickle is malformed: a tensor has " + std::to_string(arguments.size()) + " values, not 4 to 7");
        PickleTensor tensor;
        tensor.storage = static_cast<uint32_t>(need(arguments[0], Kind::STORAGE, "the storage of a tensor").integer);
        tensor.offset = count(arguments[1], "the offset of a tensor");
        tensor.shape = counts(arguments[2], "the shape of a tensor");
        tensor.strides = counts(arguments[3], "the stride of a tensor");
        checkView(tensor, result_.storages[tensor.storage].elements);
        push(Kind::TENSOR, static_cast<int64_t>(result_.tensors.size()));
        result_.tensors.push_back(tensor);
    }

    //! The view lies inside the storage and has no more elements than it: a small file holds no large tensors.
    static void checkView(const PickleTensor& tensor, uint64_t elements)
    {
        if (tensor.shape.size() != tensor.strides.size())
            fail("the pickle is malformed: a tensor has " + std::to_string(tensor.shape.size()) + " dimensions and " +
                 std::to_string(tensor.strides.size()) + " strides");
        for (const int64_t side : tensor.shape)
            if (side == 0)
                return;
        uint64_t total = 1, last = tensor.offset;
        for (size_t d = 0; d < tensor.shape.size(); d++)
        {
            const uint64_t side = static_cast<uint64_t>(tensor.shape[d]),
                           stride = static_cast<uint64_t>(tensor.strides[d]);
            if (side > elements / total)
                fail("a tensor has more elements than its storage of " + std::to_string(elements));
            total *= side;
            if (side > 1 && stride > elements / (side - 1))
                fail("a tensor reaches beyond its storage of " + std::to_string(elements) + " elements");
            if (side > 1)
                last += (side - 1) * stride;
            if (last >= elements)
                break;
        }
        if (last >= elements)
            fail("a tensor reaches beyond its storage of " + std::to_string(elements) + " elements");
    }

    //! The call of a known name.
    void call(uint32_t function, uint32_t argumentList)
    {
        const KnownName& name = nameOf(function);
        const std::vector<uint32_t> arguments = need(argumentList, Kind::TUPLE, "the arguments of a call").items;
        switch (name.meaning)
        {
            case Meaning::ORDERED_DICT:
                return orderedDict(arguments);
            case Meaning::TENSOR:
                return buildTensor(arguments);
            case Meaning::PARAMETER:
                if (arguments.empty())
                    fail("the pickle is malformed: a parameter without a tensor");
                need(arguments[0], Kind::TENSOR, "a parameter");
                return again(arguments[0]);
            case Meaning::SIZE:
                if (arguments.size() != 1)
                    fail("the pickle is malformed: torch.Size with " + std::to_string(arguments.size()) + " values");
                need(arguments[0], Kind::TUPLE, "torch.Size");
                return again(arguments[0]);
            case Meaning::SKIP:
                return push(Kind::SKIPPED);
            case Meaning::STORAGE:
                break;
        }
        fail("the pickle is malformed: " + std::string(name.module) + "." + name.name + " is called");
    }

    //! OrderedDict() or, from Python 2, OrderedDict([[key, value], ..]).
    void orderedDict(const std::vector<uint32_t>& arguments)
    {
        std::vector<uint32_t> items;
        if (arguments.size() > 1)
            fail("the pickle is malformed: OrderedDict with " + std::to_string(arguments.size()) + " values");
        if (arguments.size() == 1)
            for (const uint32_t pair : std::vector<uint32_t>(need(arguments[0], Kind::LIST, "OrderedDict").items))
            {
                const PickleValue& both = at(pair);
                if ((both.kind != Kind::LIST && both.kind != Kind::TUPLE) || both.items.size() != 2)
                    fail("the pickle is malformed: OrderedDict of something that is no pair");
                items.insert(items.end(), both.items.begin(), both.items.end());
            }
        pushContainer(Kind::DICT, items);
    }

    //! Attributes of an object: those of a dictionary (_metadata), of a parameter or of a skipped value are dropped.
    void build()
    {
        pop();
        const Kind kind = at(top()).kind;
        if (kind != Kind::DICT && kind != Kind::TENSOR && kind != Kind::SKIPPED)
            fail("the pickle is malformed: attributes for a value that has none");
    }

    void remember(uint64_t index)
    {
        if (memo_.size() >= MAX_VALUES)
            fail("the pickle remembers more than " + std::to_string(MAX_VALUES) + " values");
        memo_[index] = top();
    }

    void recall(uint64_t index)
    {
        const auto found = memo_.find(index);
        if (found == memo_.end())
            fail("the pickle is malformed: value " + std::to_string(index) + " was never remembered");
        again(found->second);
    }

    void pushLong(uint64_t bytes)
    {
        std::string text = reader_.bytes(bytes);
        if (bytes > 8)
            return pushText(std::move(text), Kind::LONG);
        uint64_t value = 0;
        for (uint64_t i = 0; i < bytes; i++)
            value |= static_cast<uint64_t>(static_cast<uint8_t>(text[i])) << (8 * i);
        if (bytes > 0 && bytes < 8 && (text[bytes - 1] & 0x80))
            value |= std::numeric_limits<uint64_t>::max() << (8 * bytes);  // two's complement
        push(Kind::INTEGER, static_cast<int64_t>(value));
    }

    void pushReal()  // 8 bytes, big-endian
    {
        const std::string text = reader_.bytes(8);
        uint64_t bits = 0;
        for (const char c : text)
            bits = bits << 8 | static_cast<uint8_t>(c);
        PickleValue value;
        value.kind = Kind::REAL;
        std::memcpy(&value.real, &bits, sizeof(bits));
        push(std::move(value));
    }

    void pushName(const std::string& module, const std::string& name) { push(Kind::NAME, knownName(module, name)); }

    bool step(uint8_t instruction);
    bool stepContainer(uint8_t instruction);
    bool stepNumber(uint8_t instruction);
};

//! Texts and numbers. @return false: it is another instruction.
bool Machine::stepNumber(uint8_t instruction)
{
    switch (instruction)
    {
        case 'N':
            push(Kind::NONE);
            return true;
        case 0x88:  // NEWTRUE
        case 0x89:  // NEWFALSE
            push(Kind::BOOLEAN, instruction == 0x88);
            return true;
        case 'K':  // BININT1
            push(Kind::INTEGER, reader_.byte());
            return true;
        case 'M':  // BININT2
            push(Kind::INTEGER, static_cast<int64_t>(reader_.unsignedInteger(2)));
            return true;
        case 'J':  // BININT
            push(Kind::INTEGER, static_cast<int32_t>(reader_.unsignedInteger(4)));
            return true;
        case 0x8a:  // LONG1
            pushLong(reader_.byte());
            return true;
        case 0x8b:  // LONG4
            pushLong(reader_.unsignedInteger(4));
            return true;
        case 'G':  // BINFLOAT
            pushReal();
            return true;
        case 0x8c:  // SHORT_BINUNICODE
        case 'U':   // SHORT_BINSTRING
        case 'C':   // SHORT_BINBYTES
            pushText(reader_.bytes(reader_.byte()));
            return true;
        case 'X':  // BINUNICODE
        case 'T':  // BINSTRING
        case 'B':  // BINBYTES
            pushText(reader_.bytes(reader_.unsignedInteger(4)));
            return true;
        case 0x8d:  // BINUNICODE8
        case 0x8e:  // BINBYTES8
            pushText(reader_.bytes(reader_.unsignedInteger(8)));
            return true;
        default:
            return false;
    }
}

//! Tuples, lists, dictionaries, sets. @return false: it is another instruction.
bool Machine::stepContainer(uint8_t instruction)
{
    switch (instruction)
    {
        case ')':
        case ']':
        case '}':
            pushContainer(instruction == ')' ? Kind::TUPLE : instruction == ']' ? Kind::LIST : Kind::DICT, {});
            return true;
        case 0x85:  // TUPLE1
        case 0x86:  // TUPLE2
        case 0x87:  // TUPLE3
            pushTuple(instruction - 0x84u);
            return true;
        case 't':  // TUPLE
        case 'l':  // LIST
            pushContainer(instruction == 't' ? Kind::TUPLE : Kind::LIST, popToMark());
            return true;
        case 'a':  // APPEND
        {
            const uint32_t item = pop();
            extend(Kind::LIST, {item});
            return true;
        }
        case 's':  // SETITEM
        {
            const uint32_t value = pop(), key = pop();
            extend(Kind::DICT, {key, value});
            return true;
        }
        case 'e':  // APPENDS
            extend(Kind::LIST, popToMark());
            return true;
        case 'u':  // SETITEMS
            extend(Kind::DICT, popToMark());
            return true;
        case 0x8f:  // EMPTY_SET
            push(Kind::SKIPPED);
            return true;
        case 0x90:  // ADDITEMS
            extend(Kind::SKIPPED, popToMark());
            return true;
        default:
            return false;
    }
}

//! @return false after the last instruction.
bool Machine::step(uint8_t instruction)
{
    if (stepNumber(instruction) || stepContainer(instruction))
        return true;
    switch (instruction)
    {
        case 0x80:  // PROTO
        {
            const int protocol = reader_.byte();
            if (protocol > MAX_PROTOCOL)
                fail("the pickle has protocol " + std::to_string(protocol) + "; 2 to 5 are known");
            return true;
        }
        case 0x95:  // FRAME
            reader_.unsignedInteger(8);
            return true;
        case '.':  // STOP
            if (!marks_.empty() || stack_.size() != 1)
                fail("the pickle is malformed: " + std::to_string(stack_.size()) + " values at its end, not 1");
            return false;
        case '(':  // MARK
            if (marks_.size() >= MAX_VALUES)
                fail("the pickle has more than " + std::to_string(MAX_VALUES) + " marks");
            marks_.push_back(stack_.size());
            return true;
        case '0':  // POP
            pop();
            return true;
        case '1':  // POP_MARK
            popToMark();
            return true;
        case '2':  // DUP
            again(top());
            return true;
        case 'q':  // BINPUT
            remember(reader_.byte());
            return true;
        case 'r':  // LONG_BINPUT
            remember(reader_.unsignedInteger(4));
            return true;
        case 0x94:  // MEMOIZE
            remember(memo_.size());
            return true;
        case 'h':  // BINGET
            recall(reader_.byte());
            return true;
        case 'j':  // LONG_BINGET
            recall(reader_.unsignedInteger(4));
            return true;
        case 'c':  // GLOBAL
        {
            const std::string module = reader_.line(MAX_NAME);
            pushName(module, reader_.line(MAX_NAME));
            return true;
        }
        case 0x93:  // STACK_GLOBAL
        {
            const std::string name = need(pop(), Kind::TEXT, "a name").text;
            pushName(need(pop(), Kind::TEXT, "a module").text, name);
            return true;
        }
        case 'R':   // REDUCE
        case 0x81:  // NEWOBJ
        {
            const uint32_t arguments = pop();
            call(pop(), arguments);
            return true;
        }
        case 'b':  // BUILD
            build();
            return true;
        case 'Q':  // BINPERSID
            persistentId();
            return true;
        default:
            fail("the pickle has the instruction " + std::to_string(instruction) + " at byte " +
                 std::to_string(reader_.position() - 1) + ", which torch.save does not write");
    }
}

}  // namespace

PickleResult readPickle(ByteReader& reader)
{
    return Machine(reader).run();
}

}  // namespace d2det
