"""What is read out of oneDNN's log."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailbed.quantization.kernels import Kernel, executed, in_words

OPENVINO = (
    "onednn_verbose,v1,primitive,exec,cpu,convolution,brg_conv_fwd:avx512_core_vnni,forward_inference,"
    "src:u8::blocked:acdb::f0 wei:s8:a:blocked:Adcb16a::f0 bia:f32::blocked:a::f0 dst:u8::blocked:acdb::f0,"
    "attr-scratchpad:user attr-scales:dst:0:f32:1::+wei:1:f32:1::,alg:convolution_direct,"
    "mb1_ic1oc32_ih8oh8kh3sh1dh0ph1_iw8ow8kw3sw1dw0pw1,0.0241699"
)
TORCH = (
    "onednn_verbose,v1,primitive,exec,cpu,matmul,brg_matmul:avx512_core_bf16,undef,src:bf16::blocked:ab::f0 "
    "wei:bf16::blocked:ba::f0 dst:bf16::blocked:ab::f0,attr-scratchpad:user attr-post-ops:sum,,1x1024:1024x128,0.051"
)
TENSORFLOW = (
    "onednn_verbose,v1,primitive,exec,cpu,inner_product,x64:gemm:jit,forward_training,src:f32::blocked:ab::f0 "
    "wei:f32::blocked:ba::f0 dst:f32::blocked:ab::f0,attr-scratchpad:user,,mb1ic1024oc128,2.33911"
)
OLDER = "onednn_verbose,exec,cpu,convolution,jit:avx2,forward_inference,src_f32::blocked:abcd:f0 wei_f32::blocked,,,0.1"
MOVES = (
    "onednn_verbose,v1,primitive,exec,cpu,reorder,jit:uni,undef,src:s8::blocked:abcd::f0 dst:s8::blocked:Adcb16a::f0"
    ",,,32x1x3x3,0.00415039"
)
OTHERS = [
    "onednn_verbose,v1,info,cpu,isa:Intel AVX-512 with Intel DL Boost and bfloat16 support",
    "onednn_verbose,v1,primitive,info,template:operation,engine,primitive,implementation,prop_kind,exec_time",
    "onednn_verbose,v1,primitive,create:cache_miss,cpu,convolution,jit:avx2,forward_inference,src:f32::blocked,,,1",
    "a line of the library's own",
    "",
]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (OPENVINO, Kernel(operation="convolution", instructions="avx512_core_vnni", type="u8")),
        (TORCH, Kernel(operation="matmul", instructions="avx512_core_bf16", type="bf16")),
        (TENSORFLOW, Kernel(operation="inner_product", instructions=None, type="f32")),
    ],
)
def test_a_kernel_is_read_out_of_a_line(line: str, expected: Kernel) -> None:
    assert executed([line]) == (expected,)


def test_each_kernel_is_told_once_and_what_moves_data_not_at_all() -> None:
    assert len(executed([*OTHERS, OPENVINO, MOVES, TORCH, OPENVINO])) == 2


@pytest.mark.parametrize("line", [*OTHERS, MOVES, OLDER])
def test_other_lines_are_no_kernels(line: str) -> None:
    assert executed([line]) == ()


@given(st.lists(st.text()))
def test_no_text_makes_it_fail(lines: list[str]) -> None:
    executed([*lines, *(f"onednn_verbose,v1,primitive,exec,cpu,{line}" for line in lines)])


def test_what_is_quantized_on_the_way_is_told_by_its_instructions() -> None:
    (dynamic,) = executed([OPENVINO.replace("src:u8", "src:f32")])
    (plain,) = executed([TENSORFLOW])
    assert (dynamic.type, dynamic.in_int8, plain.in_int8) == ("f32", True, False)


def test_a_runtime_that_does_not_tell_is_said_to_be_silent() -> None:
    assert "does not tell" in in_words("onnxruntime", ())
    assert "do not tell" in in_words("torchscript", ())
    assert "avx512_core_vnni on u8" in in_words("openvino", executed([OPENVINO]))
