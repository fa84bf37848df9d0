"""What maps tensors to tensors; knows no loss."""
