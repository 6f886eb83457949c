"""Amazon Bedrock's Converse and ConverseStream. It knows no provider's address and no credentials."""

from dragoman.dialects.bedrock_converse.codec import BedrockConverse, BedrockCount

__all__ = ["BedrockConverse", "BedrockCount"]
