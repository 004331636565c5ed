"""Where TensorFlow Serving's time goes, from a page in its exporter's format: the server itself was never asked."""

from servers import ServerTimes
from servers.metrics import Metrics
from servers.tfserving.times import times_in

WITHOUT_BATCHING = """\
# TYPE :tensorflow:cc:saved_model:load_latency counter
:tensorflow:cc:saved_model:load_latency{model_path="/models/digits/1"} 51234
# TYPE :tensorflow:serving:request_latency histogram
:tensorflow:serving:request_latency_bucket{model_name="digits",API="predict",entrypoint="REST",le="10"} 0
:tensorflow:serving:request_latency_bucket{model_name="digits",API="predict",entrypoint="REST",le="+Inf"} 4
:tensorflow:serving:request_latency_sum{model_name="digits",API="predict",entrypoint="REST"} 5000
:tensorflow:serving:request_latency_count{model_name="digits",API="predict",entrypoint="REST"} 4
# TYPE :tensorflow:serving:runtime_latency histogram
:tensorflow:serving:runtime_latency_bucket{model_name="digits",API="Predict",runtime="TF1",le="10"} 0
:tensorflow:serving:runtime_latency_bucket{model_name="digits",API="Predict",runtime="TF1",le="18"} 1
:tensorflow:serving:runtime_latency_bucket{model_name="digits",API="Predict",runtime="TF1",le="+Inf"} 4
:tensorflow:serving:runtime_latency_sum{model_name="digits",API="Predict",runtime="TF1"} 2.5e+03
:tensorflow:serving:runtime_latency_count{model_name="digits",API="Predict",runtime="TF1"} 4
:tensorflow:serving:runtime_latency_sum{model_name="other",API="Predict",runtime="TF1"} 9999
:tensorflow:serving:runtime_latency_count{model_name="other",API="Predict",runtime="TF1"} 1
"""
QUEUE = """\
# TYPE :tensorflow:serving:batching_session:queuing_latency histogram
:tensorflow:serving:batching_session:queuing_latency_bucket{thread_pool_name="batch_threads",le="+Inf"} 4
:tensorflow:serving:batching_session:queuing_latency_sum{thread_pool_name="batch_threads"} 500
:tensorflow:serving:batching_session:queuing_latency_count{thread_pool_name="batch_threads"} 4
"""


def test_without_batching_the_wait_is_not_told_apart():
    assert times_in(Metrics.parse(WITHOUT_BATCHING), "digits") == ServerTimes(4, None, 0.0025)


def test_with_batching_the_wait_for_the_batch_is_taken_out():
    assert times_in(Metrics.parse(WITHOUT_BATCHING + QUEUE), "digits") == ServerTimes(4, 0.0005, 0.002)


def test_before_the_first_request_there_are_none():
    assert times_in(Metrics.parse(WITHOUT_BATCHING), "unasked") is None
    assert times_in(Metrics.parse(""), "digits") is None
