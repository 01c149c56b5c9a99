//! How plans are written down: Ballista's nodes as Ballista does, our functions with what they know.

use super::nulls;
use super::parcel::Parcel;
use crate::engine::udf::{self, travel};
use ballista_core::extension::{ballista_aggregate_functions, ballista_scalar_functions};
use ballista_core::registry::BallistaFunctionRegistry;
use ballista_core::serde::BallistaPhysicalExtensionCodec;
use datafusion::common::plan_err;
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF, WindowUDF};
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::physical_plan::{PhysicalExtensionCodec, PhysicalProtoConverterExtension};
use std::sync::Arc;

#[derive(Debug, Default)]
pub(super) struct Codec {
    ballista: BallistaPhysicalExtensionCodec,
}

impl PhysicalExtensionCodec for Codec {
    fn try_decode(
        &self,
        bytes: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        context: &TaskContext,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match Parcel::open(bytes, self, context, converter)? {
            Some(parcel) => Ok(Arc::new(parcel)),
            None => self.ballista.try_decode(bytes, inputs, context, converter),
        }
    }

    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        bytes: &mut Vec<u8>,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        self.ballista.try_encode(node, bytes, converter)
    }

    fn try_encode_udf(&self, function: &ScalarUDF, bytes: &mut Vec<u8>) -> Result<()> {
        bytes.extend(travel::knowledge(function)?);
        Ok(())
    }

    fn try_decode_udf(&self, name: &str, bytes: &[u8]) -> Result<Arc<ScalarUDF>> {
        match travel::scalar(name, bytes)? {
            Some(function) => Ok(Arc::new(function)),
            None => plan_err!(
                "there is no function {name} on this side: run one version of spendscope everywhere"
            ),
        }
    }

    fn try_encode_udwf(&self, function: &WindowUDF, bytes: &mut Vec<u8>) -> Result<()> {
        bytes.extend(nulls::mark(function));
        Ok(())
    }

    fn try_decode_udwf(&self, name: &str, bytes: &[u8]) -> Result<Arc<WindowUDF>> {
        nulls::function(name, bytes)
    }

    fn try_decode_udaf(&self, name: &str, _: &[u8]) -> Result<Arc<AggregateUDF>> {
        match travel::aggregate(name) {
            Some(function) => Ok(Arc::new(function)),
            None => plan_err!(
                "there is no aggregate {name} on this side: run one version of spendscope everywhere"
            ),
        }
    }
}

/// Functions that are found by their names: DataFusion's, and ours that know nothing of a session. Ballista
/// reads the keys of a shuffle with this alone.
pub(super) fn functions() -> BallistaFunctionRegistry {
    let mut registry = BallistaFunctionRegistry::default();
    let ours = travel::plain().into_iter().map(Arc::new);
    for function in ballista_scalar_functions().into_iter().chain(ours) {
        let name = function.name().to_owned();
        registry.scalar_functions.insert(name, function);
    }
    let ours = udf::aggregates().into_iter().map(Arc::new);
    for function in ballista_aggregate_functions().into_iter().chain(ours) {
        let name = function.name().to_owned();
        registry.aggregate_functions.insert(name, function);
    }
    registry
}
